//! How near two vectors are: the loops in which a search through vectors spends its time.
//!
//! Three sums over two rows of bytes of the same length: the product of floats, the product of signed bytes, and the
//! number of bits that differ. Each has a portable form that any compiler can lay out for its machine, and on x86-64 a
//! form in vector instructions, chosen when it runs by what the processor says of itself. The integer sums are the same
//! whichever form runs. The float sum is not, as it adds in another order: who shows a number to clients uses
//! [`dot_f32_in_order`], and who only compares uses [`dot_f32`].
//!
//! It is in this room because vector instructions are `unsafe`: a processor that has them must be asked first, and they
//! read through pointers. Both are proved in each function, and nothing but numbers leaves it.

#![allow(unsafe_code)]

/// The product of two rows of little-endian floats, in whichever order is fastest.
#[inline]
pub(crate) fn dot_f32(one: &[u8], other: &[u8]) -> f32 {
    let (one, other) = same_length(one, other);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has both sets of instructions, and the rows are equally long.
        return unsafe { x86::dot_f32(one, other) };
    }
    dot_f32_portable(one, other)
}

/// The product of two rows of little-endian floats, added four by four into two sums: Redis's order, and so its result
/// to the last bit.
pub(crate) fn dot_f32_in_order(one: &[u8], other: &[u8]) -> f32 {
    let (one, other) = same_length(one, other);
    let mut sums = [0.0_f32; 2];
    let (left, right) = (one.chunks_exact(32), other.chunks_exact(32));
    let rest = left.remainder().chunks_exact(4);
    let rest = rest.zip(right.remainder().chunks_exact(4));
    for (left, right) in left.zip(right) {
        for (half, sum) in sums.iter_mut().enumerate() {
            let product = |at: usize| {
                let at = (half * 4 + at) * 4;
                float(&left[at..]) * float(&right[at..])
            };
            *sum += product(0) + product(1) + product(2) + product(3);
        }
    }
    for (left, right) in rest {
        sums[0] += float(left) * float(right);
    }
    sums[0] + sums[1]
}

/// The product of two rows of signed bytes. Wraps around beyond 32 bits, which takes 133,000 of them.
#[inline]
pub(crate) fn dot_i8(one: &[u8], other: &[u8]) -> i32 {
    let (one, other) = same_length(one, other);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: the processor has these instructions, which include AVX-512F, and the rows are equally long.
            return unsafe { x86::dot_i8_vnni(one, other) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has these instructions, and the rows are equally long.
            return unsafe { x86::dot_i8(one, other) };
        }
    }
    dot_i8_portable(one, other)
}

/// How many bits differ between two rows of bytes.
#[inline]
pub(crate) fn bits_apart(one: &[u8], other: &[u8]) -> u32 {
    let (one, other) = same_length(one, other);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has this instruction.
        return unsafe { x86::bits_apart(one, other) };
    }
    bits_apart_portable(one, other)
}

/// Starts to bring the lines of `row` in. Only a hint.
#[inline]
pub(crate) fn send_for(row: &[u8]) {
    send_for_lines(row.as_ptr().addr(), row.len());
}

/// The same for a row of numbers.
#[inline]
pub(crate) fn send_for_words(row: &[u32]) {
    send_for_lines(row.as_ptr().addr(), size_of_val(row));
}

#[inline]
fn send_for_lines(start: usize, len: usize) {
    for offset in (0..len.min(LINES_SENT_FOR * 64)).step_by(64) {
        super::address::prefetch(start + offset);
    }
}

/// How many lines of a row are asked for ahead. The processor sees a longer row coming by itself.
const LINES_SENT_FOR: usize = 8;

/// Equal lengths are what the loops below rely on; a longer row is cut, which no caller asks for.
#[inline]
fn same_length<'a>(one: &'a [u8], other: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    debug_assert_eq!(one.len(), other.len());
    let len = one.len().min(other.len());
    (&one[..len], &other[..len])
}

fn float(bytes: &[u8]) -> f32 {
    f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn dot_f32_portable(one: &[u8], other: &[u8]) -> f32 {
    dot_f32_in_order(one, other)
}

fn dot_i8_portable(one: &[u8], other: &[u8]) -> i32 {
    (one.iter().zip(other))
        .map(|(&left, &right)| i32::from(left as i8) * i32::from(right as i8))
        .fold(0, i32::wrapping_add)
}

// The form with the instruction for counting bits is this one, compiled for processors that have it.
#[allow(clippy::inline_always)]
#[inline(always)]
fn bits_apart_portable(one: &[u8], other: &[u8]) -> u32 {
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let (left, right) = (one.chunks_exact(8), other.chunks_exact(8));
    let rest: u32 = (left.remainder().iter().zip(right.remainder()))
        .map(|(left, right)| (left ^ right).count_ones())
        .sum();
    left.zip(right)
        .map(|(left, right)| (word(left) ^ word(right)).count_ones())
        .sum::<u32>()
        + rest
}

/// The forms in vector instructions. Each is `unsafe` for one reason: the processor must have what its attribute names.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86 {
    use core::arch::x86_64::{
        __m128i, __m256, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_add_ps,
        _mm256_cvtepi8_epi16, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_madd_epi16,
        _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps, _mm512_dpbusd_epi32,
        _mm512_maskz_loadu_epi8, _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_setzero_si512,
        _mm512_sub_epi32, _mm512_xor_si512,
    };

    /// Bytes of one 256-bit vector of floats.
    const STEP: usize = 32;

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn dot_f32(one: &[u8], other: &[u8]) -> f32 {
        // Four sums, so that an addition need not wait for the one before.
        let mut sums = [_mm256_setzero_ps(); 4];
        let (left, right) = (one.chunks_exact(4 * STEP), other.chunks_exact(4 * STEP));
        let rest = (left.remainder(), right.remainder());
        for (left, right) in left.zip(right) {
            for (step, sum) in sums.iter_mut().enumerate() {
                let at = step * STEP;
                *sum = _mm256_fmadd_ps(load_f32(&left[at..]), load_f32(&right[at..]), *sum);
            }
        }
        let (left, right) = (rest.0.chunks_exact(STEP), rest.1.chunks_exact(STEP));
        let rest = super::dot_f32_in_order(left.remainder(), right.remainder());
        for (left, right) in left.zip(right) {
            sums[0] = _mm256_fmadd_ps(load_f32(left), load_f32(right), sums[0]);
        }
        let (low, high) = (
            _mm256_add_ps(sums[0], sums[1]),
            _mm256_add_ps(sums[2], sums[3]),
        );
        let mut lanes = [0.0_f32; 8];
        let sum = _mm256_add_ps(low, high);
        // SAFETY: there is room for the eight floats of a vector.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
        lanes.iter().sum::<f32>() + rest
    }

    #[target_feature(enable = "avx2,fma")]
    fn load_f32(bytes: &[u8]) -> __m256 {
        assert!(bytes.len() >= STEP);
        // SAFETY: 32 bytes are there, as was just checked, and the instruction asks for no alignment.
        unsafe { _mm256_loadu_ps(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn dot_i8(one: &[u8], other: &[u8]) -> i32 {
        const STEP: usize = 16;
        let mut sums = [_mm256_setzero_si256(); 2];
        let steps = one.len() / STEP;
        for step in 0..steps {
            let (left, right) = (&one[step * STEP..][..STEP], &other[step * STEP..][..STEP]);
            // Two products of bytes fit a sum of 32 bits with ease.
            let products = _mm256_madd_epi16(load_i8(left), load_i8(right));
            let sum = &mut sums[step % 2];
            *sum = _mm256_add_epi32(*sum, products);
        }
        let sum = _mm256_add_epi32(sums[0], sums[1]);
        // SAFETY: a vector of 32 bytes is eight integers, whatever they are.
        let lanes: [i32; 8] = unsafe { std::mem::transmute::<__m256i, [i32; 8]>(sum) };
        let rest = super::dot_i8_portable(&one[steps * STEP..], &other[steps * STEP..]);
        lanes.iter().copied().fold(rest, i32::wrapping_add)
    }

    /// Sixteen signed bytes, each widened to 16 bits.
    #[target_feature(enable = "avx2")]
    fn load_i8(bytes: &[u8]) -> __m256i {
        assert!(bytes.len() >= 16);
        // SAFETY: 16 bytes are there, as was just checked, and the instruction asks for no alignment.
        let narrow: __m128i = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        _mm256_cvtepi8_epi16(narrow)
    }

    /// The instruction multiplies unsigned bytes with signed ones. So one row is lifted by 128, and what that adds to
    /// the sum, 128 times the other row, is summed up beside it and taken off.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn dot_i8_vnni(one: &[u8], other: &[u8]) -> i32 {
        let lift = _mm512_set1_epi8(i8::MIN);
        let mut lifted = _mm512_setzero_si512();
        let mut excess = _mm512_setzero_si512();
        for (left, right) in one.chunks(64).zip(other.chunks(64)) {
            let mask = u64::MAX >> (64 - left.len());
            assert!(left.len() == right.len());
            // SAFETY: the mask keeps the load to the bytes of the slice, and the others become zero.
            let left = unsafe { _mm512_maskz_loadu_epi8(mask, left.as_ptr().cast()) };
            // SAFETY: as above; both slices have the same length.
            let right = unsafe { _mm512_maskz_loadu_epi8(mask, right.as_ptr().cast()) };
            lifted = _mm512_dpbusd_epi32(lifted, _mm512_xor_si512(left, lift), right);
            excess = _mm512_dpbusd_epi32(excess, lift, right);
        }
        _mm512_reduce_add_epi32(_mm512_sub_epi32(lifted, excess))
    }

    #[target_feature(enable = "popcnt")]
    pub(super) fn bits_apart(one: &[u8], other: &[u8]) -> u32 {
        super::bits_apart_portable(one, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn row(rng: &mut Rng, len: usize) -> Vec<u8> {
        let mut row = vec![0; len];
        rng.fill(&mut row);
        row
    }

    #[test]
    fn integer_sums_do_not_depend_on_the_form() {
        let mut rng = Rng::from_seed(1);
        for len in (0..200).chain([1023, 4096]) {
            let (one, other) = (row(&mut rng, len), row(&mut rng, len));
            assert_eq!(dot_i8(&one, &other), dot_i8_portable(&one, &other));
            assert_eq!(bits_apart(&one, &other), bits_apart_portable(&one, &other));
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has just been asked.
                let narrow = unsafe { x86::dot_i8(&one, &other) };
                assert_eq!(narrow, dot_i8_portable(&one, &other));
            }
        }
        let (low, high) = (vec![0x80; 300], vec![0x7f; 300]);
        assert_eq!(dot_i8(&low, &low), 128 * 128 * 300);
        assert_eq!(dot_i8(&low, &high), -128 * 127 * 300);
        assert_eq!(dot_i8(&high, &low), -128 * 127 * 300);
    }

    #[test]
    fn float_sums_are_near_each_other() {
        let mut rng = Rng::from_seed(2);
        for len in 0..100 {
            let mut floats = || -> Vec<u8> {
                (0..len)
                    .flat_map(|_| ((rng.f64() - 0.5) as f32).to_le_bytes())
                    .collect()
            };
            let (one, other) = (floats(), floats());
            let difference = dot_f32(&one, &other) - dot_f32_in_order(&one, &other);
            assert!(difference.abs() < 1e-5, "{len}: {difference}");
        }
    }
}
