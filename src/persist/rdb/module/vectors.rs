//! Vector sets in files, as the module of Redis writes them: a value of kind 7 (`module`).
//!
//! ```text
//! value    dimension | count | design | flags | projection? | elements
//! design   quantization, 8 bits | links of a new element, 16 bits
//! flags    1 there is a projection | 2 there are attributes
//! projection   components that come in | factors, a string
//! element  name | attributes, if the flag says so | vector | how many numbers | numbers
//! numbers  its own | level, version in the upper byte | layers | length, and the range in the upper half
//! layer    links | room for links | the numbers of its neighbours | farthest neighbour, its distance above
//! ```
//!
//! The first version of an element has no farthest neighbours. Whether the links fit together is judged by
//! [`Builder`]; here it is only seen to that the numbers are there.

use crate::base::hash::Seed;
use crate::types::vector::{
    Builder, Design, Form, Outline, OutlineElement, OutlineLayer, Quantization, VectorSet,
};

use super::super::fault::Fault;
use super::super::write::Writer;
use super::{Parts, VECTORS};

const HAS_PROJECTION: u64 = 1;
const HAS_ATTRIBUTES: u64 = 2;

/// The version of elements that is written.
const ELEMENT_VERSION: u64 = 1;

/// Redis's own default, for files of before there was a choice.
const M: usize = 16;
const M_MAX: usize = 4096;

/// The most components: Redis counts them in 32 bits.
const DIMENSION_MAX: u64 = u32::MAX as u64;

impl Writer<'_> {
    pub(in crate::persist::rdb) fn vectors(&mut self, set: &VectorSet) {
        let outline = set.outline();
        let design = outline.design();
        let matrix = outline.matrix();
        self.module_id(VECTORS);
        self.module_int(design.form.dimension as u64);
        self.module_int(outline.len() as u64);
        self.module_int(design.form.quantization.number() | (design.m as u64) << 8);
        self.module_int(flags(&outline));
        if let (Some(from), Some(matrix)) = (design.projects_from, matrix) {
            self.module_int(from as u64);
            self.module_string(&matrix);
        }
        let has_attributes = outline.has_attributes();
        for element in outline.elements() {
            self.module_string(element.name);
            if has_attributes {
                self.module_string(element.attributes);
            }
            self.module_string(element.vector);
            let numbers = numbers(&element);
            self.module_int(numbers.len() as u64);
            for number in numbers {
                self.module_int(number);
            }
        }
        self.module_end();
    }
}

fn flags(outline: &Outline<'_>) -> u64 {
    let mut flags = 0;
    if outline.design().projects_from.is_some() {
        flags |= HAS_PROJECTION;
    }
    if outline.has_attributes() {
        flags |= HAS_ATTRIBUTES;
    }
    flags
}

fn numbers(element: &OutlineElement<'_>) -> Vec<u64> {
    let level = element.layers.len() as u64 - 1;
    let mut numbers = vec![element.number, level | ELEMENT_VERSION << 24];
    for layer in &element.layers {
        let (place, distance) = layer.farthest;
        numbers.push(layer.links.len() as u64);
        numbers.push(layer.room as u64);
        numbers.extend_from_slice(&layer.links);
        numbers.push(pair(place as u32, distance.to_bits()));
    }
    numbers.push(pair(element.length.to_bits(), element.range.to_bits()));
    numbers
}

fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// A set whose identifier has been read.
pub(super) fn read(parts: &mut Parts<'_>, seed: Seed) -> Result<VectorSet, Fault> {
    let dimension = parts.int()?;
    let count = parts.int()?;
    let design = parts.int()?;
    let flags = parts.int()?;
    let quantization = Quantization::of_number(design & 0xff).ok_or(Fault::Malformed)?;
    let m = match (design >> 8 & 0xffff) as usize {
        0 => M,
        m => m.min(M_MAX),
    };
    if !(1..=DIMENSION_MAX).contains(&dimension) {
        return Err(Fault::Malformed);
    }
    let (projects_from, matrix) = if flags & HAS_PROJECTION == 0 {
        (None, Vec::new())
    } else {
        (Some(parts.int()? as usize), parts.text()?)
    };
    let design = Design {
        form: Form {
            quantization,
            dimension: dimension as usize,
        },
        m,
        projects_from,
    };
    let mut builder = Builder::new(design, &matrix, seed)?;
    for _ in 0..count {
        let name = parts.text()?;
        let attributes = if flags & HAS_ATTRIBUTES == 0 {
            Vec::new()
        } else {
            parts.text()?
        };
        let vector = parts.text()?;
        let numbers = parts.int()?;
        let links = Links::read(parts, numbers)?;
        builder.push(OutlineElement {
            name: &name,
            attributes: &attributes,
            vector: &vector,
            length: links.length,
            range: links.range,
            number: links.number,
            layers: links.layers,
        })?;
    }
    Ok(builder.finish()?)
}

/// The numbers of an element.
struct Links {
    number: u64,
    length: f32,
    range: f32,
    layers: Vec<OutlineLayer>,
}

impl Links {
    /// Reads as many numbers as there are said to be; they must be exactly those that are needed.
    fn read(parts: &mut Parts<'_>, count: u64) -> Result<Self, Fault> {
        let mut left = count;
        let mut next = || {
            left = left.checked_sub(1).ok_or(Fault::Malformed)?;
            parts.int()
        };
        let number = next()?;
        let level = next()?;
        let version = level >> 24 & 0xff;
        if version > ELEMENT_VERSION {
            return Err(Fault::Malformed);
        }
        let mut layers = Vec::new();
        for _ in 0..=(level & 0xff) {
            let (links, room) = (next()?, next()?);
            if links > room || room > 4 * M_MAX as u64 {
                return Err(Fault::Malformed);
            }
            let mut layer = OutlineLayer {
                room: room as usize,
                links: Vec::new(),
                farthest: (0, 0.0),
            };
            for _ in 0..links {
                layer.links.push(next()?);
            }
            if version > 0 {
                next()?;
            }
            layers.push(layer);
        }
        let scale = next()?;
        if left != 0 {
            return Err(Fault::Malformed);
        }
        Ok(Self {
            number,
            length: f32::from_bits(scale as u32),
            range: f32::from_bits((scale >> 32) as u32),
            layers,
        })
    }
}
