//! The settings of `cjson` as a real server knows them.

use crate::script::trial::expect;

#[test]
fn settings_are_kept_and_checked() {
    expect(&[
        (
            "cjson.encode_max_depth(0)",
            r#"error "user_script:21: bad argument #1 to 'encode_max_depth' (expected integer between 1 and 2147483647)""#,
        ),
        (
            "cjson.encode_max_depth(1,2)",
            r#"error "user_script:21: bad argument #2 to 'encode_max_depth' (found too many arguments)""#,
        ),
        (
            r#"cjson.encode_max_depth("x")"#,
            r#"error "user_script:21: bad argument #1 to 'encode_max_depth' (number expected, got string)""#,
        ),
        (
            "cjson.encode_max_depth({})",
            r#"error "user_script:21: bad argument #1 to 'encode_max_depth' (number expected, got table)""#,
        ),
        (
            r#"cjson.encode_max_depth("5"),cjson.encode_max_depth(),cjson.encode_max_depth(2^32+7),cjson.encode_max_depth(2.9),cjson.encode_max_depth(1000)"#,
            "ok 5 5 7 2 1000",
        ),
        (
            "cjson.encode_max_depth(2^31)",
            r#"error "user_script:21: bad argument #1 to 'encode_max_depth' (expected integer between 1 and 2147483647)""#,
        ),
        (
            "cjson.decode_max_depth(3),cjson.decode_max_depth(nil)",
            "ok 3 3",
        ),
        (r#"cjson.decode("[[[1]]]")"#, "ok {1={1={1=1}}}"),
        (
            r#"cjson.decode("[[[[1]]]]")"#,
            r#"error "user_script:21: Found too many nested data structures (4) at character 4""#,
        ),
        ("cjson.decode_max_depth(1000)", "ok 1000"),
        (
            "cjson.encode_max_depth(2),cjson.encode({{}})",
            r#"ok 2 "[{}]""#,
        ),
        (
            "cjson.encode({{{}}})",
            r#"error "user_script:21: Cannot serialise, excessive nesting (3)""#,
        ),
        ("cjson.encode_max_depth(1000)", "ok 1000"),
        (
            "cjson.encode_number_precision(15)",
            r#"error "user_script:21: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14)""#,
        ),
        (
            "cjson.encode_number_precision(0)",
            r#"error "user_script:21: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14)""#,
        ),
        (
            "cjson.encode_number_precision(3),cjson.encode(3.14159),cjson.encode(123456),cjson.encode(1000),cjson.encode(999.9),cjson.encode(0.00012345),cjson.encode(99)",
            r#"ok 3 "3.14" "1.23e+05" "1e+03" "1e+03" "0.000123" "99""#,
        ),
        (
            "cjson.encode_number_precision(1),cjson.encode(3.14159),cjson.encode(123456),cjson.encode(9.9),cjson.encode(5),cjson.encode(0.00099)",
            r#"ok 1 "3" "1e+05" "1e+01" "5" "0.001""#,
        ),
        ("cjson.encode_number_precision(14)", "ok 14"),
        ("cjson.encode_keep_buffer()", "ok true"),
        (
            r#"cjson.encode_keep_buffer(false),cjson.encode({1,2}),cjson.encode_keep_buffer("on"),cjson.encode_keep_buffer("off"),cjson.encode_keep_buffer(true)"#,
            r#"ok false "[1,2]" true false true"#,
        ),
        (
            r#"cjson.encode_keep_buffer("maybe")"#,
            r#"error "user_script:21: bad argument #1 to 'encode_keep_buffer' (invalid option 'maybe')""#,
        ),
        (
            "cjson.encode_keep_buffer(1)",
            r#"error "user_script:21: bad argument #1 to 'encode_keep_buffer' (invalid option '1')""#,
        ),
        (
            "cjson.encode_keep_buffer({})",
            r#"error "user_script:21: bad argument #1 to 'encode_keep_buffer' (string expected, got table)""#,
        ),
        (r#"cjson.encode_keep_buffer("on\0x")"#, "ok true"),
        (
            "cjson.encode_keep_buffer(true,1)",
            r#"error "user_script:21: bad argument #2 to 'encode_keep_buffer' (found too many arguments)""#,
        ),
        ("cjson.encode_invalid_numbers()", "ok false"),
        (
            r#"cjson.encode_invalid_numbers("null"),cjson.encode({1/0,-1/0,0/0}),cjson.encode_invalid_numbers("on"),cjson.encode({1/0,-1/0,0/0}),cjson.encode({[1/0]=1}),cjson.encode_invalid_numbers(true),cjson.encode_invalid_numbers(false)"#,
            r#"ok "null" "[null,null,null]" true "[inf,-inf,nan]" "{"inf":1}" true false"#,
        ),
        (
            r#"cjson.encode_invalid_numbers("x")"#,
            r#"error "user_script:21: bad argument #1 to 'encode_invalid_numbers' (invalid option 'x')""#,
        ),
        ("cjson.decode_invalid_numbers()", "ok true"),
        ("cjson.decode_invalid_numbers(false)", "ok false"),
        (
            r#"cjson.decode("nan")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("-nan")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("inf")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("+1")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("01")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("-01")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("0x1")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("-inf")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("0"),cjson.decode("-0.5"),cjson.decode("1e5")"#,
            "ok 0 -0.5 100000",
        ),
        (
            r#"cjson.decode("-")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("-x")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("null"),cjson.decode("[1]")"#,
            "ok userdata: (nil) {1=1}",
        ),
        (r#"cjson.decode_invalid_numbers("on")"#, "ok true"),
        ("cjson.encode_sparse_array()", "ok false 2 10"),
        (
            "cjson.encode_sparse_array(true),cjson.encode({[100]=1,[200]=2})",
            r#"ok true "{"100":1,"200":2}""#,
        ),
        ("cjson.encode_sparse_array(true,3,5)", "ok true 3 5"),
        (
            "cjson.encode({[6]=1}),cjson.encode({[6]=1,[1]=1}),cjson.encode({[7]=1,[1]=1})",
            r#"ok "{"6":1}" "[1,null,null,null,null,1]" "{"7":1,"1":1}""#,
        ),
        ("cjson.encode_sparse_array(nil,0)", "ok true 0 5"),
        (
            "cjson.encode({[50]=1})",
            r#"ok "[null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,1]""#,
        ),
        ("cjson.encode_sparse_array(false,2,10)", "ok false 2 10"),
        (
            "cjson.encode_sparse_array(false,-1)",
            r#"error "user_script:21: bad argument #1 to 'encode_sparse_array' (expected integer between 0 and 2147483647)""#,
        ),
        (
            "cjson.encode_sparse_array(false,2,-1)",
            r#"error "user_script:21: bad argument #1 to 'encode_sparse_array' (expected integer between 0 and 2147483647)""#,
        ),
        (
            r#"cjson.encode_sparse_array("x")"#,
            r#"error "user_script:21: bad argument #1 to 'encode_sparse_array' (invalid option 'x')""#,
        ),
        (
            "cjson.encode_sparse_array(true,2,10,1)",
            r#"error "user_script:21: bad argument #4 to 'encode_sparse_array' (found too many arguments)""#,
        ),
        ("cjson.encode_sparse_array(false,2,10)", "ok false 2 10"),
        (
            "cjson.encode_number_precision(14), cjson.encode_max_depth(1000), cjson.decode_max_depth(1000)",
            "ok 14 1000 1000",
        ),
    ]);
}

#[test]
fn a_new_library_has_settings_of_its_own() {
    expect(&[
        (
            "type(cjson.new()),cjson.new() == cjson,cjson.new()._VERSION,cjson.new().null == cjson.null",
            r#"ok "table" false "2.1.0" true"#,
        ),
        (
            "(function() local c = cjson.new() c.encode_max_depth(1) return cjson.encode_max_depth(), c.encode_max_depth(), pcall(c.encode, {{}}) end)()",
            r#"ok 1000 1 false "Cannot serialise, excessive nesting (2)""#,
        ),
        (
            r#"(function() local t={} for i=1,200 do t["key"..i]=i end return cjson.encode(t) end)()"#,
            r#"ok "{"key118":118,"key106":106,"key51":51,"key141":141,"key67":67,"key143":143,"key24":24,"key41":41,"key136":136,"key17":17,"key25":25,"key29":29,"key4":4,"key32":32,"key165":165,"key96":96,"key2":2,"key109":109,"key22":22,"key6":6,"key176":176,"key115":115,"key94":94,"key175":175,"key129":129,"key55":55,"key53":53,"key173":173,"key35":35,"key122":122,"key95":95,"key14":14,"key70":70,"key31":31,"key189":189,"key194":194,"key74":74,"key116":116,"key21":21,"key196":196,"key199":199,"key198":198,"key197":197,"key200":200,"key137":137,"key45":45,"key59":59,"key46":46,"key27":27,"key193":193,"key192":192,"key191":191,"key190":190,"key3":3,"key79":79,"key182":182,"key12":12,"key188":188,"key132":132,"key92":92,"key42":42,"key187":187,"key19":19,"key186":186,"key104":104,"key101":101,"key20":20,"key185":185,"key184":184,"key138":138,"key36":36,"key130":130,"key40":40,"key66":66,"key163":163,"key181":181,"key50":50,"key151":151,"key180":180,"key179":179,"key178":178,"key177":177,"key135":135,"key54":54,"key172":172,"key73":73,"key171":171,"key170":170,"key169":169,"key119":119,"key85":85,"key65":65,"key168":168,"key167":167,"key26":26,"key111":111,"key68":68,"key123":123,"key13":13,"key83":83,"key155":155,"key162":162,"key47":47,"key61":61,"key161":161,"key125":125,"key103":103,"key159":159,"key158":158,"key99":99,"key148":148,"key71":71,"key157":157,"key174":174,"key38":38,"key164":164,"key72":72,"key153":153,"key131":131,"key140":140,"key152":152,"key150":150,"key11":11,"key49":49,"key44":44,"key149":149,"key114":114,"key147":147,"key90":90,"key37":37,"key107":107,"key89":89,"key145":145,"key144":144,"key60":60,"key139":139,"key56":56,"key156":156,"key9":9,"key134":134,"key133":133,"key80":80,"key16":16,"key57":57,"key160":160,"key8":8,"key127":127,"key110":110,"key154":154,"key63":63,"key195":195,"key98":98,"key124":124,"key52":52,"key7":7,"key117":117,"key84":84,"key58":58,"key121":121,"key23":23,"key75":75,"key78":78,"key62":62,"key128":128,"key120":120,"key39":39,"key87":87,"key142":142,"key97":97,"key15":15,"key64":64,"key105":105,"key1":1,"key113":113,"key112":112,"key34":34,"key166":166,"key77":77,"key126":126,"key43":43,"key33":33,"key102":102,"key82":82,"key108":108,"key100":100,"key91":91,"key30":30,"key81":81,"key93":93,"key10":10,"key69":69,"key146":146,"key183":183,"key48":48,"key5":5,"key88":88,"key18":18,"key86":86,"key76":76,"key28":28}""#,
        ),
        (
            r#"cjson.encode(cjson.decode('{"z":1,"y":[],"x":{},"w":null,"v":"s","u":1.5,"t":true,"a":{"b":{"c":[1,2,[3]]}}}'))"#,
            r#"ok "{"y":{},"x":{},"a":{"b":{"c":[1,2,[3]]}},"z":1,"u":1.5,"t":true,"w":null,"v":"s"}""#,
        ),
    ]);
}
