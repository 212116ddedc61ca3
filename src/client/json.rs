//! Values of your own types as JSON documents.
//!
//! Anything that `serde` can write and read goes in and comes out, in whole or in part.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Client, Error, Result};

impl Client {
    /// Sets what a path leads to (`JSON.SET`). A new document is set at `$`. False if there was nothing to set, as the
    /// path leads into something that is no object.
    ///
    /// ```
    /// use pollux::client::Client;
    /// use std::collections::BTreeMap;
    /// # let server = pollux::server::in_background("");
    /// # let address = server.address();
    ///
    /// let mut client = Client::connect(&address)?;
    /// let nested = BTreeMap::from([("nested", [1, 2, 3])]);
    /// client.json_set("doc", "$", &nested)?;
    /// client.json_set("doc", "$.nested[1]", &20)?;
    /// let numbers: Vec<Vec<i64>> = client.json_get("doc", "$.nested")?;
    /// assert_eq!(numbers, [[1, 20, 3]]);
    /// let whole: Vec<BTreeMap<String, Vec<i64>>> = client.json_get("doc", "$")?;
    /// assert_eq!(whole[0]["nested"], [1, 20, 3]);
    /// # Ok::<(), pollux::client::Error>(())
    /// ```
    pub fn json_set<T: Serialize + ?Sized>(
        &mut self,
        key: impl AsRef<[u8]>,
        path: &str,
        value: &T,
    ) -> Result<bool> {
        let text = serde_json::to_vec(value).map_err(|_| Error::Type {
            wanted: "something that can be written as JSON",
            got: "a value that cannot",
        })?;
        let words = [b"JSON.SET", key.as_ref(), path.as_bytes(), &text];
        let done: Option<String> = self.ask(&words)?;
        Ok(done.is_some())
    }

    /// All values that a path leads to (`JSON.GET`), which begins with `$`; none if there is no such document.
    pub fn json_get<T: DeserializeOwned>(
        &mut self,
        key: impl AsRef<[u8]>,
        path: &str,
    ) -> Result<Vec<T>> {
        let text: Option<Vec<u8>> = self.ask(&[b"JSON.GET", key.as_ref(), path.as_bytes()])?;
        let Some(text) = text else {
            return Ok(Vec::new());
        };
        serde_json::from_slice(&text).map_err(|_| Error::Type {
            wanted: "JSON that fits the type",
            got: "other JSON",
        })
    }
}
