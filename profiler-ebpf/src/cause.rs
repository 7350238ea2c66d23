//! Who caused a request, as it travels from whoever finds it to the request's slot.

use iocontend_wire::key::Key;

/// Who caused a request: an owner, and where there is a second one, its part of the bytes.
#[derive(Clone, Copy)]
pub struct Cause {
    /// Owner part of the stream key of whoever has the larger part.
    pub owner: Key,
    /// The other's, 0 when there is none.
    pub second: u64,
    /// The other's part in 65,536ths.
    pub share: u16,
    /// [`iocontend_wire::marks`].
    pub marks: u32,
}

impl Cause {
    /// One alone.
    #[inline(always)]
    pub fn of(owner: Key) -> Self {
        Self { owner, second: 0, share: 0, marks: 0 }
    }
}
