//! Lines for a client that debugs a script: each is a status reply, and together they are an array.

/// Lines that have not been sent yet.
#[derive(Default)]
pub(crate) struct Said {
    count: usize,
    bytes: Vec<u8>,
}

impl Said {
    /// Adds a line. What would end it early becomes a blank.
    pub(crate) fn line(&mut self, text: &[u8]) {
        let flat = |&byte: &u8| match byte {
            b'\r' | b'\n' => b' ',
            other => other,
        };
        self.count += 1;
        self.bytes.push(b'+');
        self.bytes.extend(text.iter().map(flat));
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// The lines as they are sent.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut sent = format!("*{}\r\n", self.count).into_bytes();
        sent.append(&mut self.bytes);
        self.count = 0;
        sent
    }
}
