//! The files of the page. They are part of the binary, plain HTML, CSS and modules, to be read as they are served.
//!
//! With them come the chapters and the sources that the page names: who follows a link below a picture reads the very
//! text that this server was built of.

pub(super) struct Asset {
    path: &'static str,
    pub(super) kind: &'static str,
    pub(super) bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! asset {
    ($path:literal, $kind:ident, $file:literal) => {
        Asset {
            path: $path,
            kind: $kind,
            bytes: include_bytes!(concat!("assets/", $file)),
        }
    };
}

/// A text of the repository, to be read.
macro_rules! text {
    ($path:literal) => {
        Asset {
            path: concat!("/read/", $path),
            kind: TEXT,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)),
        }
    };
}

static ASSETS: &[Asset] = &[
    asset!("/", HTML, "index.html"),
    asset!("/style.css", CSS, "style.css"),
    asset!("/icon.svg", PICTURE, "icon.svg"),
    asset!("/main.js", SCRIPT, "main.js"),
    asset!("/stream.js", SCRIPT, "stream.js"),
    asset!("/draw.js", SCRIPT, "draw.js"),
    asset!("/turns.js", SCRIPT, "turns.js"),
    asset!("/rates.js", SCRIPT, "rates.js"),
    asset!("/store.js", SCRIPT, "store.js"),
    asset!("/lists.js", SCRIPT, "lists.js"),
    asset!("/prompt.js", SCRIPT, "prompt.js"),
    text!("docs/PAGE.md"),
    text!("docs/course/README.md"),
    text!("docs/course/01-a-socket-that-answers.md"),
    text!("docs/course/02-many-sockets.md"),
    text!("docs/course/03-requests-in-the-bytes.md"),
    text!("docs/course/04-set-and-get.md"),
    text!("docs/course/05-the-table.md"),
    text!("docs/course/06-deadlines-and-the-wheel.md"),
    text!("docs/course/07-clients-who-wait.md"),
    text!("docs/course/08-transactions.md"),
    text!("docs/course/09-saving-without-stopping.md"),
    text!("docs/course/10-the-log.md"),
    text!("docs/course/11-replication.md"),
    text!("docs/course/12-measuring.md"),
    text!("docs/course/13-what-redis-does-otherwise.md"),
    text!("src/commands/server/footprint.rs"),
    text!("src/engine/run/table.rs"),
    text!("src/engine/session/mod.rs"),
    text!("src/engine/sleep.rs"),
    text!("src/engine/turn.rs"),
    text!("src/keyspace/evict.rs"),
    text!("src/keyspace/freeze/mod.rs"),
    text!("src/observe/histogram.rs"),
    text!("src/observe/slowlog.rs"),
    text!("src/observe/stats.rs"),
    text!("src/reactor/mod.rs"),
    text!("src/reactor/phases.rs"),
    text!("src/repl/stream.rs"),
    text!("src/server/files/log/mod.rs"),
    text!("src/store/table/mod.rs"),
    text!("src/store/wheel.rs"),
    text!("src/wire/request.rs"),
];

pub(super) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(asset: &Asset) -> &str {
        std::str::from_utf8(asset.bytes).expect("our files are UTF-8")
    }

    /// What stands between quotes right after this word.
    fn quoted<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
        let parts = text.split(before).skip(1);
        parts
            .filter_map(|part| part.strip_prefix('"')?.split('"').next())
            .collect()
    }

    #[test]
    fn the_files_name_each_other_and_nobody_else() {
        for asset in ASSETS.iter().filter(|asset| asset.kind != TEXT) {
            let text = text(asset);
            for scheme in ["https://", "//cdn", "@import"] {
                assert!(!text.contains(scheme), "{} names {scheme}", asset.path);
            }
            for word in ["src=", "href=", " from ", "import("] {
                for name in quoted(text, word) {
                    let name = name.trim_start_matches('.');
                    let path = name.split('#').next().unwrap_or_default();
                    let is_ours = path.is_empty() || find(path).is_some();
                    assert!(is_ours, "{} names {name}", asset.path);
                }
            }
        }
    }

    #[test]
    fn each_source_that_is_named_can_be_read() {
        let mut count = 0;
        for asset in ASSETS.iter().filter(|asset| asset.kind != TEXT) {
            for (at, _) in text(asset).match_indices("src/") {
                let named = &text(asset)[at..];
                let Some(end) = named.find(".rs") else {
                    continue;
                };
                let path = format!("/read/{}", &named[..end + 3]);
                assert!(find(&path).is_some(), "{} names {path}", asset.path);
                count += 1;
            }
        }
        assert!(count > 20, "{count}");
    }

    #[test]
    fn the_page_has_no_code_of_its_own() {
        let page = text(find("/").expect("it is there"));
        for word in ["<style", "style=", "onclick", "onload", "javascript:"] {
            assert!(
                !page.contains(word),
                "the policy of the page forbids {word}"
            );
        }
        assert_eq!(page.matches("<script").count(), 1);
    }
}
