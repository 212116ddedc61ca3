//! `docs/LAB.md`, typed in and compared.
//!
//! A block that begins with "```console server" starts its first line in the background, and what that prints until the
//! section ends is the rest of the block. A block "```console" runs one command after the other, each with its output.
//! `...` stands for anything inside a line, and a line of its own with only that for any lines. Ports are replaced by
//! free ones, so that nobody's server is disturbed.
