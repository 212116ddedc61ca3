//! Fewer components instead of many, such that near stays near.
//!
//! Each component of the result is the sum of all that came, each with the sign that a Hadamard matrix has there. So
//! it is the same matrix on every server, and files have it nevertheless: another server may have drawn another one.

#[derive(Clone, Debug)]
pub(super) struct Projection {
    from: usize,
    /// A row of `from` factors for each component of the result.
    matrix: Vec<f32>,
}

impl Projection {
    pub(super) fn new(from: usize, to: usize) -> Self {
        let scale = 1.0 / (from as f64).sqrt() as f32;
        let factor = |row: usize, column: usize| {
            let is_even = (row & column).count_ones().is_multiple_of(2);
            if is_even { scale } else { -scale }
        };
        let matrix = (0..to).flat_map(|row| (0..from).map(move |column| factor(row, column)));
        Self {
            from,
            matrix: matrix.collect(),
        }
    }

    /// A matrix as a file has it: floats, little-endian.
    pub(super) fn of_bytes(from: usize, bytes: &[u8]) -> Self {
        let float = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        Self {
            from,
            matrix: bytes.chunks_exact(4).map(float).collect(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let bytes = self.matrix.iter().flat_map(|factor| factor.to_le_bytes());
        bytes.collect()
    }

    /// How many components it asks for.
    pub(super) fn from(&self) -> usize {
        self.from
    }

    pub(super) fn apply(&self, vector: &[f32], to: usize) -> Vec<f32> {
        debug_assert_eq!(vector.len(), self.from);
        let rows = self.matrix.chunks_exact(self.from).take(to);
        let sum = |row: &[f32]| {
            let products = row.iter().zip(vector).map(|(factor, it)| factor * it);
            products.fold(0.0, |sum, product| sum + product)
        };
        rows.map(sum).collect()
    }

    pub(super) fn memory(&self) -> usize {
        self.matrix.capacity() * 4 + size_of::<Self>()
    }
}
