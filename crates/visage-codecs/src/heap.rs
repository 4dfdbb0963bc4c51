//! The C library's heap, which Rust code uses as well.

/// Bounds the number of arenas to one per four processors; `false` where the C library has no such setting.
///
/// By default glibc makes up to eight arenas per processor, and each keeps what its threads once took. The threads that
/// renders run on come and go, so that 64 renders of a 12 megapixel photo left twice the memory of two. With few arenas
/// they share it; small pieces still come from each thread's own cache, so nothing is slower.
pub fn limit_arenas(processors: usize) -> bool {
    let arenas = i32::try_from(processors / 4).unwrap_or(i32::MAX).max(1);
    glibc::set_arena_max(arenas)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    #![allow(unsafe_code, reason = "calls mallopt of glibc")]

    use std::ffi::c_int;

    /// From `malloc.h`.
    const M_ARENA_MAX: c_int = -8;

    unsafe extern "C" {
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }

    pub(super) fn set_arena_max(arenas: i32) -> bool {
        // SAFETY: `mallopt` takes two numbers by value, locks the heap itself, and reports what it does not take.
        unsafe { mallopt(M_ARENA_MAX, arenas) == 1 }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod glibc {
    pub(super) fn set_arena_max(_arenas: i32) -> bool {
        false
    }
}
