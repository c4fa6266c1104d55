//! From C's pointers to Rust's references: the one place where arguments are trusted.
//!
//! These functions are safe to call although what they are given could be any number: every one of
//! their callers is an exported function, whose caller has accepted the contract in the header. To mark
//! them would put an unsafe block around each argument of each function and say nothing new.

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;
use std::str::{self, Utf8Error};

use super::guard::Failure;
use super::status::mqttlink_status;

#[cold]
#[inline(never)]
fn null(name: &str) -> Failure {
    Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, format!("{name} is NULL"))
}

/// What a pointer points at.
pub(super) fn given<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Failure> {
    optional(pointer).ok_or_else(|| null(name))
}

/// What a pointer that may be NULL points at.
pub(super) fn optional<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: by the contract the pointer is NULL or came from this library and was not freed. No
    // `&mut` to such an object exists anywhere.
    unsafe { pointer.as_ref() }
}

/// A string.
#[inline(always)]
pub(super) fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Failure> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: by the contract it points at a string that ends with NUL.
    let text = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    if text.is_ascii() {
        // SAFETY: ASCII is UTF-8. To ask for it first takes a fifth of the time where it is.
        return Ok(unsafe { str::from_utf8_unchecked(text) });
    }
    str::from_utf8(text).map_err(|error| not_utf8(name, error))
}

#[cold]
#[inline(never)]
fn not_utf8(name: &str, error: Utf8Error) -> Failure {
    let text = format!("{name} is not UTF-8 from its byte {} on", error.valid_up_to());
    Failure::new(mqttlink_status::MQTTLINK_ERROR_UTF8, text)
}

/// A string that may be NULL.
pub(super) fn optional_text<'a>(
    pointer: *const c_char,
    name: &str,
) -> Result<Option<&'a str>, Failure> {
    if pointer.is_null() { Ok(None) } else { text(pointer, name).map(Some) }
}

/// Bytes. NULL is allowed where there are none.
pub(super) fn bytes<'a>(
    pointer: *const c_void,
    len: usize,
    name: &str,
) -> Result<&'a [u8], Failure> {
    check_len::<u8>(len, name)?;
    match (pointer.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null(name)),
        // SAFETY: by the contract there are that many bytes.
        (false, _) => Ok(unsafe { slice::from_raw_parts(pointer.cast(), len) }),
    }
}

/// A place for bytes.
pub(super) fn buffer<'a>(
    pointer: *mut c_void,
    len: usize,
    name: &str,
) -> Result<&'a mut [u8], Failure> {
    check_len::<u8>(len, name)?;
    match (pointer.is_null(), len) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(null(name)),
        // SAFETY: by the contract there is room for that many bytes, and nobody else uses it meanwhile.
        (false, _) => Ok(unsafe { slice::from_raw_parts_mut(pointer.cast(), len) }),
    }
}

/// An array of strings.
pub(super) fn texts<'a>(
    pointer: *const *const c_char,
    count: usize,
    name: &str,
) -> Result<Vec<&'a str>, Failure> {
    check_len::<*const c_char>(count, name)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    given(pointer, name)?;
    // SAFETY: by the contract there are that many pointers.
    let each = unsafe { slice::from_raw_parts(pointer, count) };
    each.iter().map(|each| text(*each, name)).collect()
}

/// No object is larger than half of the address space.
fn check_len<T>(len: usize, name: &str) -> Result<(), Failure> {
    let max = usize::try_from(isize::MAX).unwrap_or_default() / size_of::<T>().max(1);
    if len > max { Err(too_long(len, name)) } else { Ok(()) }
}

#[cold]
#[inline(never)]
fn too_long(len: usize, name: &str) -> Failure {
    let text = format!("{name}: a length of {len} is more than there can be");
    Failure::new(mqttlink_status::MQTTLINK_ERROR_NUMBER, text)
}

/// A place for a result, checked before the work is done.
#[must_use = "a place that is not filled was asked for in vain"]
pub(super) struct Out<T>(*mut T);

pub(super) fn out<T>(pointer: *mut T, name: &str) -> Result<Out<T>, Failure> {
    if pointer.is_null() { Err(null(name)) } else { Ok(Out(pointer)) }
}

impl<T> Out<T> {
    pub(super) fn put(self, value: T) {
        // SAFETY: by the contract there is room for one value, which may be uninitialised.
        unsafe { self.0.write(value) };
    }
}

impl<T: Copy> Out<T> {
    /// Puts a value there that the program may see before the work is done; what was there is there again if
    /// the work fails.
    pub(super) fn put_while<R, E>(
        self,
        value: T,
        work: impl FnOnce() -> Result<R, E>,
    ) -> Result<R, E> {
        let place = self.0.cast::<MaybeUninit<T>>();
        // SAFETY: by the contract there is room for one value, which may be uninitialised.
        let earlier = unsafe { place.replace(MaybeUninit::new(value)) };
        work().inspect_err(|_| {
            // SAFETY: as above.
            unsafe { place.write(earlier) };
        })
    }
}

impl<T> Out<*mut T> {
    /// Hands out a new object.
    pub(super) fn put_new(self, value: T) {
        self.put(new(value));
    }
}

/// A struct for C to which later versions append fields.
pub(super) trait Growing: Copy {
    /// Its name in C, and how many bytes its first version had.
    const NAME: &'static str;
    const FIRST: usize;
}

/// A place for such a struct, of the size that it has in the program.
#[must_use = "a place that is not filled was asked for in vain"]
pub(super) struct OutPart<T>(Out<T>, usize);

pub(super) fn out_part<T: Growing>(
    pointer: *mut T,
    name: &str,
    size: usize,
) -> Result<OutPart<T>, Failure> {
    let place = out(pointer, name)?;
    check_len::<u8>(size, "size")?;
    if size < T::FIRST { Err(too_small::<T>(size)) } else { Ok(OutPart(place, size)) }
}

#[cold]
#[inline(never)]
fn too_small<T: Growing>(size: usize) -> Failure {
    let (name, first) = (T::NAME, T::FIRST);
    let text = format!("size is {size}, {name} never had less than {first}: pass sizeof({name})");
    Failure::new(mqttlink_status::MQTTLINK_ERROR_NUMBER, text)
}

impl<T: Growing> OutPart<T> {
    /// Fills in what the program knows, and zeros for what only the program knows.
    pub(super) fn put(self, value: T) {
        let Self(place, size) = self;
        if size == size_of::<T>() {
            return place.put(value);
        }
        let (from, to) = ((&raw const value).cast::<u8>(), place.0.cast::<u8>());
        let known = size.min(size_of::<T>());
        // SAFETY: by the contract there is room for `size` bytes, which are the program's own; `value` has
        // at least those that are copied.
        unsafe { ptr::copy_nonoverlapping(from, to, known) };
        // SAFETY: no more than those `size` bytes.
        let rest = unsafe { to.add(known) };
        // SAFETY: the same bytes, as many as are left of them.
        unsafe { rest.write_bytes(0, size - known) };
    }
}

/// Fills a place that may be NULL.
pub(super) fn put_if<T>(pointer: *mut T, value: impl FnOnce() -> T) {
    if !pointer.is_null() {
        Out(pointer).put(value());
    }
}

/// Shows bytes: where they are, and in a place that may be NULL how many. Nothing is NULL and 0.
pub(super) fn show_bytes(bytes: Option<&[u8]>, len: *mut usize) -> *const c_void {
    put_if(len, || bytes.map_or(0, <[u8]>::len));
    bytes.map_or(ptr::null(), |bytes| bytes.as_ptr().cast())
}

/// An object for C.
pub(super) fn new<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes an object back from C. NULL is allowed.
pub(super) fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: by the contract it came from `new` and was not freed.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// A string for C. What lies behind an embedded NUL is lost, as it would be anywhere in C.
pub(super) fn c_text(text: &str) -> CString {
    let until_nul = text.split('\0').next().unwrap_or_default();
    CString::new(until_nul).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its first version ended with `first`.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        first: u64,
        second: u32,
        third: u8,
    }

    impl Growing for Grown {
        const NAME: &'static str = "grown";
        const FIRST: usize = 8;
    }

    const FILLED: Grown = Grown { first: 1, second: 2, third: 3 };

    /// What a program of another version finds, whose struct has so many bytes.
    fn found(size: usize) -> Vec<u8> {
        let mut room = [0xAA_u64; 4];
        let place = room.as_mut_ptr().cast();
        out_part::<Grown>(place, "place", size).map(|place| place.put(FILLED)).ok();
        room.iter().flat_map(|part| part.to_ne_bytes()).collect()
    }

    #[test]
    fn an_older_program_gets_its_fields_and_nothing_behind_them() {
        for size in 8..=size_of::<Grown>() {
            let (seen, whole) = (found(size), found(size_of::<Grown>()));
            // The padding has no value.
            let known = size.min(std::mem::offset_of!(Grown, third) + 1);
            assert_eq!(seen.get(..known), whole.get(..known), "{size}");
            assert_eq!(seen.get(size..), [0xAA_u64; 4].map(u64::to_ne_bytes).concat().get(size..));
        }
    }

    #[test]
    fn a_newer_program_gets_zeros_for_what_this_library_does_not_know() {
        let seen = found(24);
        assert_eq!(seen.get(size_of::<Grown>()..24), Some(&[0; 8][..]));
        assert_eq!(seen.get(24..), Some(&0xAA_u64.to_ne_bytes()[..]));
    }

    #[test]
    fn less_than_the_first_version_or_more_than_there_can_be_is_refused() {
        let mut room = FILLED;
        for size in [0, 7, usize::MAX] {
            assert!(out_part(&raw mut room, "place", size).is_err(), "{size}");
        }
        assert!(out_part::<Grown>(ptr::null_mut(), "place", 8).is_err());
        assert_eq!(room, FILLED);
    }
}
