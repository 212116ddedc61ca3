//! What the rows of the commands and the count of changes promise, held against random commands.
//!
//! The digest says whether the data set is another than before. A change of it is counted in `dirty`, or a save point
//! would not see it and a replica not hear of it; and a command whose row says that it only reads does neither. The
//! other way round nothing is promised: SET counts a change also when the value is the same as before.

use pollux::testing::config::{Config, Permission};
use pollux::testing::spec::flag;

use super::driving::driver::{Driver, request};
use super::engine::{has_more_to_say, is_never_run};
use super::replies;
use super::requests::Requests;

const REQUESTS_PER_EPISODE: usize = 500;
const STRING_BYTES_MAX: u64 = 32 * 1024;

/// Commands that their rows call readers, and that may change something all the same.
const READERS_THAT_WRITE: &[(&str, &str)] = &[(
    "pfcount",
    "keeps the count that it has found in the value, and its row says that replicas may have to hear of it",
)];

#[test]
fn what_changes_the_data_is_counted_and_readers_do_not() {
    let requests = Requests::new(|name| {
        // A transaction or a pause would put off what is looked at here, and the onlooker must live.
        let is_in_the_way = matches!(name, "multi" | "client|pause" | "client|kill");
        is_in_the_way || is_never_run(name) || has_more_to_say(name)
    });
    super::for_some_time(|seed| {
        let mut rng = pollux::testing::base::Rng::from_seed(seed);
        let mut config = Config::new();
        config.enable_debug_command = Permission::Yes;
        // The digest reads every byte after every command, so strings stay short.
        config.proto_max_bulk_len = STRING_BYTES_MAX;
        let mut driver = Driver::new(config, seed);
        let (mut client, onlooker) = (driver.connect(), driver.connect());
        let mut before = state(&mut driver, onlooker);
        for _ in 0..REQUESTS_PER_EPISODE {
            let (row, words) = requests.next_of(&mut rng);
            driver.ask(client, &request(&words));
            let after = state(&mut driver, onlooker);
            let shown = || {
                let words: Vec<String> = words.iter().map(|word| replies::show(word)).collect();
                words.join(" ")
            };
            assert!(
                before.digest == after.digest || before.dirty != after.dirty,
                "changes the data and does not count it: {}",
                shown()
            );
            // Spoiling can have made another command of it.
            let mut named = row.name.split('|').zip(&words);
            let is_itself = named.all(|(part, word)| word.eq_ignore_ascii_case(part.as_bytes()));
            let may_write = READERS_THAT_WRITE.iter().any(|(name, _)| *name == row.name);
            if is_itself && row.flags.has(flag::READONLY) && !may_write {
                assert!(
                    before == after,
                    "says that it only reads, and changes something: {}",
                    shown()
                );
            }
            before = after;
            if driver.engine.inside().is_out(client) {
                client = driver.reconnect(client);
            }
        }
    });
}

#[derive(PartialEq, Eq)]
struct State {
    digest: Vec<u8>,
    /// Changes, but for those that a save has taken off.
    dirty: u64,
}

fn state(driver: &mut Driver, onlooker: pollux::testing::base::Id) -> State {
    State {
        digest: driver.ask(onlooker, &request(&["DEBUG", "DIGEST"])),
        dirty: driver.engine.inside().changes(),
    }
}
