//! Rule vectors, and the classes that stand for them: equal vectors have one class, whatever field they are of.

use std::collections::HashMap;

use msm_abi::{ACL_CLASSES, ACL_WORDS};

use crate::tables::acl;

/// A bit a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vector([u64; ACL_WORDS]);

impl Vector {
    pub(super) const NONE: Self = Self([0; ACL_WORDS]);

    /// Of these rules.
    pub(super) fn of(rules: impl IntoIterator<Item = u16>) -> Self {
        let mut vector = Self::NONE;
        rules.into_iter().for_each(|rule| vector.set(rule));
        vector
    }

    pub(super) fn set(&mut self, rule: u16) {
        self.0[usize::from(rule) / 64] |= 1 << (rule % 64);
    }

    pub(super) fn clear(&mut self, rule: u16) {
        self.0[usize::from(rule) / 64] &= !(1 << (rule % 64));
    }

    /// These rules too.
    pub(super) fn with(mut self, rules: &[u16]) -> Self {
        rules.iter().for_each(|rule| self.set(*rule));
        self
    }

    fn hash(&self) -> u64 {
        self.0.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, word| {
            (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(29)
        })
    }
}

/// Vectors by class.
pub(super) struct Classes {
    vectors: Vec<Vector>,
    /// By hash; one that is taken by another vector is the next.
    by_hash: HashMap<u64, u16>,
}

impl Classes {
    /// With `fixed` as the first classes, equal or not.
    pub(super) fn new(fixed: &[Vector]) -> Self {
        // Room that is not used costs nothing: it is never touched.
        let vectors = Vec::with_capacity(ACL_CLASSES as usize);
        let mut classes = Self { vectors, by_hash: HashMap::new() };
        for vector in fixed {
            classes.push(*vector, vector.hash());
        }
        classes
    }

    fn push(&mut self, vector: Vector, hash: u64) -> u16 {
        // See ACL_CLASSES: every list that was checked fits.
        assert!(self.vectors.len() < ACL_CLASSES as usize, "more classes than a list can make");
        let class = self.vectors.len() as u16;
        self.vectors.push(vector);
        self.by_hash.entry(hash).or_insert(class);
        class
    }

    /// The class of a vector.
    pub(super) fn of(&mut self, vector: &Vector) -> u16 {
        let mut hash = vector.hash();
        while let Some(class) = self.by_hash.get(&hash) {
            if self.vectors[usize::from(*class)] == *vector {
                return *class;
            }
            hash = hash.wrapping_add(1);
        }
        self.push(*vector, hash)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.vectors.len()
    }

    /// The lines of ACL_BITS, one after the other, of a list of so many rules.
    pub(super) fn lines(&self, rules: usize) -> Vec<u8> {
        acl::lines(rules, self.vectors.iter().map(|Vector(words)| words))
    }
}
