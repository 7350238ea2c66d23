//! The tables that the programs fill, mapped into this process: reading them costs no system call.

use std::io;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::{AnyBitPattern, Zeroable};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A BPF array, mapped. Elements are plain words that the kernel side changes at any time.
pub struct Mapped<T> {
    address: NonNull<u8>,
    bytes: usize,
    len: usize,
    marker: std::marker::PhantomData<T>,
}

impl<T: AnyBitPattern + Zeroable> Mapped<T> {
    /// Maps an array of `len` elements (made with `BPF_F_MMAPABLE`).
    pub fn new(fd: impl AsFd, len: usize) -> io::Result<Self> {
        // The kernel lays elements out at multiples of eight bytes (kernel/bpf/arraymap.c).
        let size = size_of::<T>();
        if size == 0 || !size.is_multiple_of(8) || align_of::<T>() > 8 {
            return Err(io::Error::other("element size is not a multiple of eight"));
        }
        let bytes = (size * len).next_multiple_of(rustix::param::page_size());
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new shared mapping of a file descriptor; no existing memory is touched.
        let address =
            unsafe { mmap(std::ptr::null_mut(), bytes, protection, MapFlags::SHARED, fd, 0)? };
        let address =
            NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at null"))?;
        Ok(Self { address, bytes, len, marker: std::marker::PhantomData })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A copy of one element. Words are read one by one: each is whole, the element may be changing.
    pub fn read(&self, index: usize) -> Option<T> {
        if index >= self.len {
            return None;
        }
        // SAFETY: inside the mapping, aligned, and any bytes are a valid `T`.
        Some(unsafe { self.address.as_ptr().cast::<T>().add(index).read_volatile() })
    }

    /// One 64-bit word of the whole table, counted from its beginning.
    pub fn word(&self, index: usize) -> Option<&AtomicU64> {
        if (index + 1) * 8 > self.len * size_of::<T>() {
            return None;
        }
        // SAFETY: inside the mapping, aligned to eight, valid as long as `self`, and both sides change whole words.
        Some(unsafe { AtomicU64::from_ptr(self.words().add(index)) })
    }

    /// The mapping as words: it begins at a page, so it is aligned.
    fn words(&self) -> *mut u64 {
        self.address.as_ptr().cast()
    }

    /// Sets an element to zero, word by word.
    pub fn clear(&self, index: usize) {
        let words = size_of::<T>() / 8;
        for word in index * words..(index + 1) * words {
            if let Some(word) = self.word(word) {
                word.store(0, Ordering::Relaxed);
            }
        }
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`, unmapped once; no reference into it outlives `self`.
        let unmapped = unsafe { munmap(self.address.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok());
    }
}
