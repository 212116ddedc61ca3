//! The files of the page. They are part of the binary, plain HTML, CSS and modules, to be read as they are served.

pub(super) struct Asset {
    path: &'static str,
    pub(super) kind: &'static str,
    pub(super) bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

macro_rules! asset {
    ($path:literal, $kind:ident, $file:literal) => {
        Asset {
            path: $path,
            kind: $kind,
            bytes: include_bytes!(concat!("assets/", $file)),
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
        for asset in ASSETS {
            let text = text(asset);
            for scheme in ["https://", "//cdn", "@import"] {
                assert!(!text.contains(scheme), "{} names {scheme}", asset.path);
            }
            for word in ["src=", "href=", " from ", "import("] {
                for name in quoted(text, word) {
                    let name = name.trim_start_matches('.');
                    let is_ours = name.starts_with('#') || find(name).is_some();
                    assert!(is_ours, "{} names {name}", asset.path);
                }
            }
        }
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
