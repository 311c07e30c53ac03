//! Bytes that the bridge hands out, and the caller gives back.

use std::ptr;

/// Of include/temporal_bridge.h.
#[repr(C)]
pub struct TemporalBytes {
    data: *mut u8,
    size: usize,
}

impl TemporalBytes {
    pub const EMPTY: TemporalBytes = TemporalBytes { data: ptr::null_mut(), size: 0 };

    pub fn new(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self::EMPTY;
        }
        let owned = bytes.into_boxed_slice();
        let size = owned.len();
        TemporalBytes { data: Box::into_raw(owned).cast(), size }
    }

    /// # Safety
    /// As long as the bytes are not freed.
    pub unsafe fn as_slice(&self) -> &[u8] {
        if self.data.is_null() {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.data, self.size) }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_bytes_free(bytes: *mut TemporalBytes) {
    if bytes.is_null() {
        return;
    }
    // Whoever frees the same struct again finds null.
    let taken = unsafe { ptr::replace(bytes, TemporalBytes::EMPTY) };
    if !taken.data.is_null() {
        drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(taken.data, taken.size)) });
    }
}
