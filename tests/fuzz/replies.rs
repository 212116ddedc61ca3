//! Takes replies apart, as strictly as a client would.

/// How many replies and how many pushes there are; or what is wrong with the bytes.
pub(crate) fn count(mut bytes: &[u8]) -> Result<(usize, usize), String> {
    let (mut replies, mut pushes) = (0, 0);
    while !bytes.is_empty() {
        if bytes[0] == b'>' {
            pushes += 1;
        } else {
            replies += 1;
        }
        let before = bytes;
        skip(&mut bytes, 0).map_err(|wrong| format!("{wrong} in {:?}", show(before)))?;
    }
    Ok((replies, pushes))
}

/// The beginning of some bytes, for people.
pub(crate) fn show(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(300)].escape_ascii().to_string()
}

fn skip(bytes: &mut &[u8], depth: usize) -> Result<(), String> {
    let end = bytes
        .windows(2)
        .position(|two| two == b"\r\n")
        .ok_or("a reply without an end")?;
    let line = std::str::from_utf8(&bytes[..end]).unwrap_or("?");
    let (kind, value) = (bytes[0], line.get(1..).unwrap_or_default());
    let number = || {
        value
            .parse::<i64>()
            .map_err(|_| format!("no number: {line}"))
    };
    *bytes = &bytes[end + 2..];
    if depth > 64 {
        return Err("nested too deeply".into());
    }
    match kind {
        b'+' | b'-' | b'(' => {}
        b':' => drop(number()?),
        b'_' if value.is_empty() => {}
        b'#' if matches!(value, "t" | "f") => {}
        b',' if value.parse::<f64>().is_ok() => {}
        b'$' | b'*' if value == "-1" => {}
        b'$' | b'=' => {
            let len = number()? as usize;
            if bytes.len() < len + 2 || &bytes[len..len + 2] != b"\r\n" {
                return Err(format!("a string of another length than {len}"));
            }
            *bytes = &bytes[len + 2..];
        }
        b'*' | b'~' | b'>' | b'%' | b'|' => {
            let len = number()?;
            if len < 0 {
                return Err(format!("a negative length: {line}"));
            }
            let len = if matches!(kind, b'%' | b'|') {
                len * 2
            } else {
                len
            };
            for _ in 0..len {
                skip(bytes, depth + 1)?;
            }
            // An attribute stands before what it describes.
            if kind == b'|' {
                skip(bytes, depth)?;
            }
        }
        _ => return Err(format!("no reply: {line}")),
    }
    Ok(())
}
