//! Locks over what is whole whenever they are let go of.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for what the lock guards. It is for what is whole between any two statements that can panic, as counts are.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
