//! What stands between C and Rust: statuses, texts and bytes that come in, panics that must not go out.

use crate::bytes::TemporalBytes;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub const OK: i32 = 0;
pub const SHUTDOWN: i32 = -1;
pub const ERROR: i32 = -2;
pub const PANIC: i32 = -3;

/// Why a call did not succeed: its status, a sentence for people, and what the server sent with it.
#[derive(Debug)]
pub struct Failure {
    pub status: i32,
    pub message: String,
    pub details: Vec<u8>,
}

pub type Answer<T> = Result<T, Failure>;

impl Failure {
    pub fn new(status: i32, message: impl Into<String>) -> Self {
        Failure { status, message: message.into(), details: Vec::new() }
    }

    pub fn error(message: impl Into<String>) -> Self {
        Self::new(ERROR, message)
    }
}

pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panic in the bridge to Temporal's core: {}", text.unwrap_or("no text"))
}

/// Runs the body of an extern function. On failure `error` and `details` get what there is to say, where they are not null.
pub fn guard_with_details(
    error: *mut TemporalBytes,
    details: *mut TemporalBytes,
    body: impl FnOnce() -> Answer<()>,
) -> i32 {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return OK,
        Ok(Err(failure)) => failure,
        Err(payload) => Failure::new(PANIC, panic_text(payload.as_ref())),
    };
    unsafe {
        put(error, failure.message.into_bytes());
        put(details, failure.details);
    }
    failure.status
}

pub fn guard(error: *mut TemporalBytes, body: impl FnOnce() -> Answer<()>) -> i32 {
    guard_with_details(error, std::ptr::null_mut(), body)
}

/// For functions that answer nothing: a panic ends here.
pub fn guard_silently(body: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(body));
}

/// # Safety
/// `target` is null or may be written to. What it held is not freed.
pub unsafe fn put(target: *mut TemporalBytes, bytes: Vec<u8>) {
    if !target.is_null() {
        unsafe { target.write(TemporalBytes::new(bytes)) };
    }
}

/// # Safety
/// As for `put`.
pub unsafe fn clear(targets: &[*mut TemporalBytes]) {
    for target in targets {
        unsafe { put(*target, Vec::new()) };
    }
}

/// # Safety
/// `data` is null or points to `size` bytes that live as long as the answer is used.
pub unsafe fn slice<'a>(data: *const u8, size: usize, what: &str) -> Answer<&'a [u8]> {
    if size == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Failure::error(format!("{what} is a null pointer")));
    }
    if size > isize::MAX as usize {
        return Err(Failure::error(format!("{what} has an impossible size")));
    }
    Ok(unsafe { std::slice::from_raw_parts(data, size) })
}

/// # Safety
/// As for `slice`.
pub unsafe fn text<'a>(data: *const u8, size: usize, what: &str) -> Answer<&'a str> {
    let bytes = unsafe { slice(data, size, what)? };
    std::str::from_utf8(bytes).map_err(|_| Failure::error(format!("{what} is not UTF-8")))
}

/// For a pointer that the bridge is to write an answer to.
pub fn not_null<T>(target: *mut T, what: &str) -> Answer<()> {
    if target.is_null() {
        return Err(Failure::error(format!("there is nowhere to put the {what}: null pointer")));
    }
    Ok(())
}

pub fn decode<M: prost::Message + Default>(bytes: &[u8], what: &str) -> Answer<M> {
    M::decode(bytes).map_err(|error| Failure::error(format!("{what} is not that protocol buffer: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        let mut error = TemporalBytes::EMPTY;
        assert_eq!(guard(&mut error, || panic!("lost {}", "it")), PANIC);
        assert_eq!(unsafe { error.as_slice() }, b"panic in the bridge to Temporal's core: lost it");
        unsafe { crate::bytes::temporal_bytes_free(&mut error) };
        unsafe { crate::bytes::temporal_bytes_free(&mut error) };
        assert_eq!(guard(std::ptr::null_mut(), || std::panic::panic_any(7)), PANIC);
    }

    #[test]
    fn bad_texts_are_errors() {
        assert_eq!(unsafe { text(b"\xff".as_ptr(), 1, "the name") }.unwrap_err().message, "the name is not UTF-8");
        assert_eq!(unsafe { text(std::ptr::null(), 1, "the name") }.unwrap_err().message, "the name is a null pointer");
        assert_eq!(unsafe { text(std::ptr::null(), 0, "the name") }.unwrap(), "");
        assert!(unsafe { slice(b"".as_ptr(), usize::MAX, "the name") }.is_err());
    }
}
