//! What C holds of a runtime, client or worker: a number in a pointer's clothes, never an address. So whoever passes one that
//! was freed, or one of another kind, or nonsense, gets an error; numbers are not used again.

use crate::boundary::{Answer, Failure};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

static NEXT: AtomicUsize = AtomicUsize::new(1);

pub struct Handles<T> {
    kind: &'static str,
    open: LazyLock<Mutex<HashMap<usize, Arc<T>>>>,
}

impl<T> Handles<T> {
    pub const fn new(kind: &'static str) -> Self {
        Handles { kind, open: LazyLock::new(Default::default) }
    }

    fn with<R>(&self, use_table: impl FnOnce(&mut HashMap<usize, Arc<T>>) -> R) -> R {
        // No code that panics runs under this lock.
        use_table(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn put<Opaque>(&self, value: T) -> *mut Opaque {
        // Aligned as a pointer from an allocator is.
        let handle = NEXT.fetch_add(1, Ordering::Relaxed) * 16;
        self.with(|open| open.insert(handle, Arc::new(value)));
        handle as *mut Opaque
    }

    pub fn get<Opaque>(&self, handle: *const Opaque) -> Answer<Arc<T>> {
        self.with(|open| open.get(&(handle as usize)).cloned()).ok_or_else(|| self.unknown(handle))
    }

    /// The value is out of everybody's reach but of calls that are under way.
    pub fn take<Opaque>(&self, handle: *const Opaque) -> Option<Arc<T>> {
        self.with(|open| open.remove(&(handle as usize)))
    }

    fn unknown<Opaque>(&self, handle: *const Opaque) -> Failure {
        let why = if handle.is_null() { "null" } else { "not open (freed, or never handed out)" };
        Failure::error(format!("the {} is {why}", self.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NUMBERS: Handles<u32> = Handles::new("number");

    #[test]
    fn only_open_handles_are_known() {
        let one: *mut u8 = NUMBERS.put(1);
        let two: *mut u8 = NUMBERS.put(2);
        assert_eq!(*NUMBERS.get(one).unwrap(), 1);
        assert!(NUMBERS.take(one).is_some());
        assert!(NUMBERS.take(one).is_none());
        assert_eq!(NUMBERS.get(one).unwrap_err().message, "the number is not open (freed, or never handed out)");
        assert_eq!(*NUMBERS.get(two).unwrap(), 2);
        assert_eq!(NUMBERS.get(std::ptr::null::<u8>()).unwrap_err().message, "the number is null");
    }
}
