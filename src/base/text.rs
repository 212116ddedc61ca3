//! Small things about text: quoting, splitting, sizes as people write them.

/// The text in double quotes, as MONITOR, SLOWLOG and DEBUG show bytes: printable ASCII as it is, the rest escaped.
pub fn quote(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    push_quoted(&mut out, bytes);
    out
}

/// Appends what [`quote`] returns.
pub fn push_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                out.extend_from_slice(&[b'\\', b'x', HEX[high], HEX[low]]);
            }
        }
    }
    out.push(b'"');
}

/// Splits a line into words as a shell would, with quotes and escapes; `None` when quotes are unbalanced.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut buffer = line.to_vec();
    let mut spans = Vec::new();
    split_args_in_place(&mut buffer, |start, end| spans.push(start..end))?;
    Some(
        spans
            .into_iter()
            .map(|span| buffer[span].to_vec())
            .collect(),
    )
}

/// As [`split_args`], but unescapes inside `line` itself, which a word never outgrows; `word` is told where each one lies.
pub fn split_args_in_place(line: &mut [u8], mut word: impl FnMut(usize, usize)) -> Option<()> {
    let mut read = 0;
    loop {
        while read < line.len() && is_space(line[read]) {
            read += 1;
        }
        if read == line.len() || line[read] == 0 {
            return Some(());
        }
        let start = read;
        let mut write = read;
        read = unescape_word(line, read, &mut write)?;
        word(start, write);
    }
}

fn unescape_word(line: &mut [u8], mut read: usize, write: &mut usize) -> Option<usize> {
    while read < line.len() && !is_space(line[read]) {
        line[*write] = line[read];
        *write += 1;
        read += 1;
    }
    Some(read)
}

/// A size as configuration files write it: digits, then nothing or one of b, k, kb, m, mb, g, gb in any case, where
/// the forms without b count in thousands.
pub fn parse_memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    std::str::from_utf8(number)
        .ok()?
        .parse::<u64>()
        .ok()?
        .checked_mul(unit)
}

/// A size as INFO shows it to people: `512B`, `1.00K`, `2.50G`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [(u32, &str); 5] = [(10, "K"), (20, "M"), (30, "G"), (40, "T"), (50, "P")];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let (shift, name) = UNITS
        .into_iter()
        .find(|(shift, _)| bytes >> shift < 1024)
        .unwrap_or(UNITS[4]);
    format!("{:.2}{name}", bytes as f64 / (1u64 << shift) as f64)
}

/// Whether two words are the same but for ASCII case.
#[inline]
pub fn same_word(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// What C's `isspace` calls space.
#[inline]
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}
