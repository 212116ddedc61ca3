//! The loop's work with the pieces of files that have been read: keys find their places, commands run.
//!
//! Commands run as they ran when they were written down: nobody may refuse them, and a key is there until the log says
//! that it went. A log that ends in the middle of a command is cut behind the last one that is complete, in front of a
//! transaction that is not.

use crate::base::text::explain;
use crate::engine::dataset::load::Load;
use crate::engine::dataset::replay::{Halt, Ran, Replayer};
use crate::persist::STRING_TOO_LONG;
use crate::persist::aof::{Batch, Trouble};
use crate::server::Server;
use crate::server::files::log::files::show;

use super::ahead::{Failed, Piece};
use super::ruin::{self, Ruin};
use super::{Doing, Loading};

/// Commands of a file that have been read and not run.
pub(super) struct Commands {
    replayer: Replayer,
    batch: Batch,
    /// The next of the batch.
    at: usize,
    /// Where in the file the commands begin.
    start: u64,
    /// All before this offset is complete.
    valid_to: u64,
}

impl Server {
    /// Runs some of the commands at hand. Returns whether there were any.
    pub(super) fn run_some(&mut self, loading: &mut Loading) -> Result<bool, Ruin> {
        let Doing::Commands(commands) = &mut loading.doing else {
            return Ok(false);
        };
        let Commands {
            replayer,
            batch,
            at,
            start,
            valid_to,
        } = &mut **commands;
        if *at == batch.commands.len() {
            return Ok(false);
        }
        let Ran { next, whole } =
            (self.engine.replay(replayer, &batch.commands, *at)).map_err(|halt| {
                let part = loading.files.parts.front();
                let name = part.map_or_else(String::new, |part| show(&part.name));
                let command =
                    |index| String::from_utf8_lossy(batch.commands.at(index).name()).into_owned();
                match halt {
                    Halt::Unknown(index) => log::warn!(
                        "Unknown command '{}' reading the append only file {name}",
                        command(index),
                    ),
                    Halt::TooLong(index) => log::warn!(
                        "Command '{}' in the append only file {name} makes {STRING_TOO_LONG}",
                        command(index),
                    ),
                }
                Ruin
            })?;
        *at = next;
        if let Some(count) = whole {
            *valid_to = *start + batch.ends[count - 1];
        }
        if next == batch.commands.len() {
            self.engine.note_loaded(*start + batch.offset);
        }
        Ok(true)
    }

    /// Takes in a piece that the thread has sent; of commands only that they are there.
    pub(super) fn take_piece(&mut self, loading: &mut Loading, piece: Piece) -> Result<(), Ruin> {
        let Some(part) = loading.files.parts.front() else {
            return Ok(());
        };
        match piece {
            Piece::Opened { is_rdb } => {
                loading.part_started_us = self.engine.monotonic_us();
                loading.doing = if is_rdb {
                    if loading.files.is_sync || loading.files.is_rdb {
                        // It goes without saying.
                    } else if part.is_old {
                        log::info!("Reading RDB preamble from AOF file...");
                    } else {
                        log::info!("Reading RDB base file on AOF loading...");
                    }
                    Doing::Keys(Load::new(loading.files.manner, part.len))
                } else {
                    self.commands_from(0)
                };
            }
            Piece::Keys(mut batch) => {
                if let Doing::Keys(load) = &mut loading.doing {
                    let taken = self.engine.take_in(load, &mut batch);
                    taken.map_err(|refusal| ruin::refused(&refusal))?;
                }
            }
            Piece::Preamble { offset } => {
                if let Doing::Keys(load) = &loading.doing {
                    log::info!("{}", load.summary());
                    self.engine.handle_loaded(load.tally());
                }
                if part.is_old {
                    log::info!("Reading the remaining AOF tail...");
                }
                loading.doing = self.commands_from(offset);
            }
            Piece::Commands(batch) => {
                if let Doing::Commands(commands) = &mut loading.doing {
                    commands.batch = batch;
                    commands.at = 0;
                }
            }
            Piece::End { is_empty, sum } => {
                let is_cut = self.cut_transaction(loading)?;
                loading.sum = sum.filter(|_| !is_cut);
                self.end_part(loading, is_empty);
            }
            Piece::Failed(why) => {
                self.bear(loading, why)?;
                loading.sum = None;
                self.end_part(loading, false);
            }
        }
        Ok(())
    }

    fn commands_from(&self, start: u64) -> Doing {
        Doing::Commands(Box::new(Commands {
            replayer: self.engine.replayer(),
            batch: Batch::default(),
            at: 0,
            start,
            valid_to: start,
        }))
    }

    /// The first file has been read to its end.
    fn end_part(&mut self, loading: &mut Loading, is_empty: bool) {
        loading.doing = Doing::Nothing;
        let Some(part) = loading.files.parts.pop_front() else {
            return;
        };
        self.engine.file_loaded(part.len);
        if !is_empty && !loading.files.is_rdb {
            let us = self.engine.monotonic_us() - loading.part_started_us;
            let kind = if part.is_base { "base" } else { "incr" };
            log::info!(
                "DB loaded from {kind} file {}: {:.3} seconds",
                show(&part.name),
                us as f64 / 1e6
            );
        }
    }

    /// A file that ends within a transaction is treated as if it ended before. Returns whether it did.
    fn cut_transaction(&mut self, loading: &Loading) -> Result<bool, Ruin> {
        match &loading.doing {
            Doing::Commands(commands) if commands.replayer.is_in_transaction() => {
                if let Some(part) = loading.files.parts.front() {
                    log::warn!(
                        "Revert incomplete MULTI/EXEC transaction in AOF file {}",
                        show(&part.name)
                    );
                }
                self.cut_tail(loading)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Something is wrong with the first file. If the server can live with that, it is as if the file had ended.
    fn bear(&mut self, loading: &Loading, why: Failed) -> Result<(), Ruin> {
        let Some(part) = loading.files.parts.front() else {
            return Err(Ruin);
        };
        if matches!(why, Failed::Commands(Trouble::Ended)) {
            return self.cut_tail(loading);
        }
        Err(ruin::blame(part, &loading.files, why, self.examine))
    }

    /// The file ends in the middle of a command or a transaction.
    fn cut_tail(&mut self, loading: &Loading) -> Result<(), Ruin> {
        let (Some(part), Doing::Commands(commands)) = (loading.files.parts.front(), &loading.doing)
        else {
            return Err(Ruin);
        };
        let (name, valid_to) = (show(&part.name), commands.valid_to);
        if !self.engine.config().aof_load_truncated {
            log::warn!(
                "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
            );
            return Err(Ruin);
        }
        log::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
        if loading.files.parts.len() > 1 {
            // Redis cuts this file as well before it gives up. The part that is cut may be all there is to repair it
            // with.
            log::warn!("Fatal error: the truncated file is not the last file");
            return Err(Ruin);
        }
        log::warn!("!!! Truncating the AOF {name} at offset {valid_to} !!!");
        let cut = self.disk.truncate(&part.path, valid_to);
        cut.map_err(|error| {
            log::warn!("Error truncating the AOF file {name}: {}", explain(&error));
            Ruin
        })?;
        log::warn!("AOF {name} loaded anyway because aof-load-truncated is enabled");
        Ok(())
    }
}
