//! `cmsgpack` as a real server knows it.

use crate::script::trial::expect;

#[test]
fn values_pack_as_short_as_they_can() {
    expect(&[
        (
            r#"cmsgpack.pack(1,"a",true,nil,{},{1,2},{a=1})"#,
            r#"ok "<01><a1>a<c3><c0><90><92><01><02><81><a1>a<01>""#,
        ),
        (
            "cmsgpack.pack()",
            r#"error "user_script:21: bad argument #0 to 'pack' (MessagePack pack needs input.)""#,
        ),
        (
            "cmsgpack:pack()",
            r#"ok "<88><ac>_DESCRIPTION<d9>$MessagePack C implementation for Lua<a4>pack<c0><a5>_NAME<a8>cmsgpack<a6>unpack<c0><aa>_COPYRIGHT<d9>(Copyright (C) 2012, Salvatore Sanfilippo<a8>_VERSION<b2>lua-cmsgpack 0.4.0<aa>unpack_one<c0><ac>unpack_limit<c0>""#,
        ),
        ("cmsgpack.pack(nil)", r#"ok "<c0>""#),
        (
            "cmsgpack.pack({[1]=1,[2]=2,[4]=4}),cmsgpack.pack({[0]=1}),cmsgpack.pack({1,2,nil,4}),cmsgpack.pack({[1.5]=1}),cmsgpack.pack({[-1]=1}),cmsgpack.pack({[2^40]=1})",
            r#"ok "<83><01><01><02><02><04><04>" "<81><00><01>" "<83><01><01><02><02><04><04>" "<81><ca>?<c0><00><00><01>" "<81><ff><01>" "<81><cf><00><00><01><00><00><00><00><00><01>""#,
        ),
        (
            "cmsgpack.pack(0,127,128,255,256,65535,65536,2^32-1,2^32,2^53,2^63,2^64,-1,-32,-33,-128,-129,-32768,-32769,-2^31,-2^31-1,-2^63,-2^65)",
            r#"ok "<00><7f><cc><80><cc><ff><cd><01><00><cd><ff><ff><ce><00><01><00><00><ce><ff><ff><ff><ff><cf><00><00><00><01><00><00><00><00><cf><00> <00><00><00><00><00><00><ca>_<00><00><00><ca>_<80><00><00><ff><e0><d0><df><d0><80><d1><ff><7f><d1><80><00><d2><ff><ff><7f><ff><d2><80><00><00><00><d3><ff><ff><ff><ff><7f><ff><ff><ff><d3><80><00><00><00><00><00><00><00><ca><e0><00><00><00>""#,
        ),
        (
            "cmsgpack.pack(1.5,0.1,1/0,-1/0,0/0,-0.0,1e300,1e-300)",
            r#"ok "<ca>?<c0><00><00><cb>?<b9><99><99><99><99><99><9a><ca><7f><80><00><00><ca><ff><80><00><00><cb><ff><f8><00><00><00><00><00><00><00><cb>~7<e4><<88><00>u<9c><cb><01><a5>n<1f><c2><f8><f3>Y""#,
        ),
        (
            "(function() local t={} t[1]=t return cmsgpack.pack(t) end)()",
            r#"ok "<91><91><91><91><91><91><91><91><91><91><91><91><91><91><91><91><c0>""#,
        ),
        (
            "(function() local t={} t.x=t return cmsgpack.pack(t) end)()",
            r#"ok "<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<81><a1>x<c0>""#,
        ),
        (
            "(function() local t={} for i=1,16 do t[i]=i end return cmsgpack.pack(t) end)()",
            r#"ok "<dc><00><10><01><02><03><04><05><06><07><08><09><0a><0b><0c><0d><0e><0f><10>""#,
        ),
        (
            r#"(function() local t={} for i=1,16 do t["k"..i]=i end return cmsgpack.pack(t) end)()"#,
            r#"ok "<de><00><10><a3>k12<0c><a3>k16<10><a2>k9<09><a2>k8<08><a2>k1<01><a3>k15<0f><a2>k3<03><a2>k2<02><a3>k14<0e><a3>k13<0d><a3>k10<0a><a3>k11<0b><a2>k6<06><a2>k7<07><a2>k4<04><a2>k5<05>""#,
        ),
        (
            "(function() local t={} for i=1,65536 do t[i]=1 end return cmsgpack.pack(t):sub(1,9) end)()",
            r#"ok "<dd><00><01><00><00><01><01><01><01>""#,
        ),
        (
            "cmsgpack.pack(function() end, cjson.null)",
            r#"ok "<c0><c0>""#,
        ),
        (
            r#"cmsgpack.pack(("x"):rep(31)),cmsgpack.pack(("x"):rep(32)),cmsgpack.pack(("x"):rep(255)),cmsgpack.pack(("x"):rep(256)),cmsgpack.pack(("x"):rep(65535)):sub(1,10),cmsgpack.pack(("x"):rep(65536)):sub(1,10)"#,
            r#"ok "<bf>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "<d9> xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "<d9><ff>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "<da><01><00>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" "<da><ff><ff>xxxxxxx" "<db><00><01><00><00>xxxxx""#,
        ),
    ]);
}

#[test]
fn bytes_unpack_and_bad_ones_are_errors() {
    expect(&[
        (
            "cmsgpack.unpack()",
            r#"error "user_script:21: bad argument #1 to 'unpack' (string expected, got no value)""#,
        ),
        (
            "cmsgpack.unpack({})",
            r#"error "user_script:21: bad argument #1 to 'unpack' (string expected, got table)""#,
        ),
        ("cmsgpack.unpack(12)", "ok 49 50"),
        (r#"cmsgpack.unpack("")"#, "ok"),
        (r#"cmsgpack.unpack_one("")"#, "ok -1"),
        (
            "cmsgpack.unpack_one()",
            r#"error "user_script:21: bad argument #1 to 'unpack_one' (string expected, got no value)""#,
        ),
        (r#"cmsgpack.unpack_one("\1\2\3")"#, "ok 1 1"),
        (r#"cmsgpack.unpack_one("\1\2\3",2)"#, "ok -1 3"),
        (r#"cmsgpack.unpack_one("\1\2\3",3)"#, "ok -1"),
        (
            r#"cmsgpack.unpack_one("\1\2\3",4)"#,
            r#"error "user_script:21: Start offset 4 greater than input length 3.""#,
        ),
        (
            r#"cmsgpack.unpack_one("\1\2\3",-1)"#,
            r#"error "user_script:21: Invalid request to unpack with offset of -1 and limit of 3.""#,
        ),
        (r#"cmsgpack.unpack_one("\1\2\3","1")"#, "ok 2 2"),
        (
            r#"cmsgpack.unpack_one("\1\2\3","x")"#,
            r#"error "user_script:21: bad argument #2 to 'unpack_one' (number expected, got string)""#,
        ),
        (r#"cmsgpack.unpack_one("\1\2\3",nil)"#, "ok 1 1"),
        (r#"cmsgpack.unpack_limit("\1\2\3",2)"#, "ok 2 1 2"),
        (r#"cmsgpack.unpack_limit("\1\2\3",0)"#, "ok 1 2 3"),
        (r#"cmsgpack.unpack_limit("\1\2\3",0,1)"#, "ok 1"),
        (
            r#"cmsgpack.unpack_limit("\1\2\3",-1,1)"#,
            r#"error "user_script:21: Invalid request to unpack with offset of 1 and limit of 3.""#,
        ),
        (
            r#"cmsgpack.unpack_limit("\1\2\3")"#,
            r#"error "user_script:21: bad argument #2 to 'unpack_limit' (number expected, got no value)""#,
        ),
        (r#"cmsgpack.unpack_limit("\1\2\3",5,1)"#, "ok -1 2 3"),
        (
            r#"cmsgpack.unpack_limit("\1\2\3",1/0,1)"#,
            r#"error "user_script:21: Invalid request to unpack with offset of 1 and limit of 3.""#,
        ),
        (r#"cmsgpack.unpack_limit("\1\2\3",1e18,1)"#, "ok -1 2 3"),
        (
            r#"cmsgpack.unpack("\193")"#,
            r#"error "user_script:21: Bad data format in input.""#,
        ),
        (
            r#"cmsgpack.unpack("\212\1\1")"#,
            r#"error "user_script:21: Bad data format in input.""#,
        ),
        (
            r#"cmsgpack.unpack("\196\1\1")"#,
            r#"error "user_script:21: Bad data format in input.""#,
        ),
        (
            r#"cmsgpack.unpack("\207\255\255\255\255\255\255\255\255\207\1\2\3\4\5\6\7\8\211\255\2\3\4\5\6\7\8")"#,
            "ok -1 72623859790382848 -71491328285473016",
        ),
        (
            r#"cmsgpack.unpack("\129\192\1")"#,
            r#"error "table index is nil""#,
        ),
        (
            r#"cmsgpack.unpack("\129\203\127\248\0\0\0\0\0\0\1")"#,
            r#"error "table index is NaN""#,
        ),
        (r#"cmsgpack.unpack("\147\1\192\3")"#, "ok {1=1,3=3}"),
        (r#"cmsgpack.unpack("\130\1\192\2\3")"#, "ok {2=3}"),
        (
            r#"cmsgpack.unpack("\221\255\255\255\255\1")"#,
            r#"error "user_script:21: Missing bytes in input.""#,
        ),
        (
            r#"cmsgpack.unpack("\223\255\255\255\255\1")"#,
            r#"error "user_script:21: Missing bytes in input.""#,
        ),
        (
            r#"cmsgpack.unpack("\219\255\255\255\255\1")"#,
            r#"error "user_script:21: Missing bytes in input.""#,
        ),
    ]);
}

#[test]
fn nesting_and_results_are_limited_as_by_slots_of_the_stack() {
    expect(&[
        (
            r##"select("#",cmsgpack.unpack(("\1"):rep(7940)))"##,
            "ok 7940",
        ),
        (
            r##"select("#",cmsgpack.unpack(("\161a"):rep(7900)))"##,
            "ok 7900",
        ),
        (
            r##"select("#",cmsgpack.unpack(("\1"):rep(8000)))"##,
            r#"error "user_script:21: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)""#,
        ),
        (
            r##"select("#",cmsgpack.unpack_limit(("\1"):rep(8000),8000))"##,
            r#"error "user_script:21: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\145"):rep(3998).."\1"))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\145"):rep(3999).."\1"))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\145"):rep(3999).."\144"))"#,
            r#"error "user_script:21: stack overflow (in function mp_decode_to_lua_array)""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\145"):rep(4000).."\1"))"#,
            r#"error "user_script:21: stack overflow (in function mp_decode_to_lua_array)""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\129\1"):rep(3998).."\1"))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\129\1"):rep(3999).."\1"))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\129\1"):rep(4000).."\1"))"#,
            r#"error "user_script:21: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\129"):rep(7000)))"#,
            r#"error "user_script:21: Missing bytes in input.""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\129"):rep(8100)))"#,
            r#"error "user_script:21: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)""#,
        ),
        (
            r#"type(cmsgpack.unpack(("\145"):rep(8100),3))"#,
            r#"error "user_script:21: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)""#,
        ),
        ("#cmsgpack.pack(unpack({},1,3900))", "ok 3900"),
        (
            "#cmsgpack.pack(unpack({},1,4100))",
            r#"error "user_script:21: bad argument #0 to 'pack' (Too many arguments for MessagePack pack.)""#,
        ),
    ]);
}
