//! Does the arithmetic hold on this machine? PFSELFTEST asks.
//!
//! Two things are looked at: that a register holds the number written to it and its neighbours are untouched, wherever
//! it lies in its bytes; and that estimates stay within what the number of registers promises, the same in both layouts
//! of the bytes. The error is about 1.04 / sqrt(registers); six times that is beyond all chance.

use super::{
    DENSE_LEN, HllEncoding, REGISTER_COUNT, add, count, dense_get, dense_set, empty, encoding,
    make_dense,
};
use crate::base::rng::Rng;

/// How often all registers are written and read back.
const CYCLES: usize = 100;
/// How many elements the largest estimate is of.
const ELEMENTS_MAX: u64 = 1_000_000;
/// Where estimates are looked at first; then at ten times as many, and so on.
const FIRST_CHECKPOINT: u64 = 10;
/// As large as a sparse string may grow in these checks.
const SPARSE_BYTES_MAX: usize = 3000;

/// The check that failed, in words.
pub(crate) fn self_check(rng: &mut Rng) -> Result<(), String> {
    check_registers(rng)?;
    check_estimates(rng)
}

fn check_registers(rng: &mut Rng) -> Result<(), String> {
    let mut string = vec![0; DENSE_LEN];
    let mut wanted = vec![0; REGISTER_COUNT];
    for _ in 0..CYCLES {
        for (index, value) in wanted.iter_mut().enumerate() {
            *value = rng.below(64) as u8;
            dense_set(&mut string, index, *value);
        }
        for (index, wanted) in wanted.iter().enumerate() {
            let found = dense_get(&string, index);
            if found != *wanted {
                return Err(format!(
                    "Register {index} should be {wanted} but is {found}"
                ));
            }
        }
    }
    Ok(())
}

fn check_estimates(rng: &mut Rng) -> Result<(), String> {
    // Elements must differ from each other, and from those of the check before.
    let salt = rng.next_u64();
    let (mut sparse, mut dense) = (empty(), empty());
    make_dense(&mut dense).map_err(|error| format!("{error:?}"))?;
    let mut checkpoint = FIRST_CHECKPOINT;
    for number in 1..=ELEMENTS_MAX {
        let element = (salt ^ number).to_le_bytes();
        for string in [&mut sparse, &mut dense] {
            add(string, &element, SPARSE_BYTES_MAX).map_err(|error| format!("{error:?}"))?;
        }
        if number == checkpoint {
            check_estimate(&sparse, &dense, checkpoint)?;
            checkpoint *= 10;
        }
    }
    Ok(())
}

fn check_estimate(sparse: &[u8], dense: &[u8], elements: u64) -> Result<(), String> {
    let estimates = [sparse, dense].map(count);
    let [Ok(of_sparse), Ok(of_dense)] = estimates else {
        return Err("A string is corrupted".to_owned());
    };
    if of_sparse != of_dense {
        return Err(format!(
            "The layouts disagree. card: {elements} sparse:{of_sparse} dense:{of_dense}"
        ));
    }
    let error = elements.abs_diff(of_dense);
    let error_max = (6.0 * 1.04 / (REGISTER_COUNT as f64).sqrt() * elements as f64).ceil() as u64;
    if error > error_max {
        return Err(format!("Too big error. card:{elements} abserr:{error}"));
    }
    // Few elements stay sparse, or the check has compared dense with dense all along.
    if elements == FIRST_CHECKPOINT && encoding(sparse) != Ok(HllEncoding::Sparse) {
        return Err("A small string is not sparse".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds() {
        assert_eq!(self_check(&mut Rng::from_seed(14)), Ok(()));
    }
}
