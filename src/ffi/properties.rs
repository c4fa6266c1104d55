//! Lists of MQTT 5.0 properties.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::guard::{self, Failure};
use super::numbers::property_id;
use super::pointer::{bytes, c_text, free, given, new, optional, out, put_if, text};
use super::status::mqttlink_status;
use crate::codec::{EncodeError, PropertyValue};
use crate::{Properties, PropertyId};

/// A list of MQTT 5.0 properties, in order. One that was made with `mqttlink_properties_new` is freed
/// with `mqttlink_properties_free`; those that other functions and callbacks give belong to what they
/// come from, and cannot be changed. Any thread may use it.
pub struct mqttlink_properties {
    inner: Mutex<Inner>,
}

struct Inner {
    wire: Properties<'static>,
    /// The same for C to look at, made when it first looks.
    shown: Option<Box<[Shown]>>,
}

struct Shown {
    id: u8,
    number: u32,
    name: Option<CString>,
    /// Followed by a NUL that does not count.
    value: Option<Vec<u8>>,
}

/// One property, as `mqttlink_properties_at` shows it. The pointers live until the list is changed or
/// freed.
#[repr(C)]
pub struct mqttlink_property {
    /// Which property: a `mqttlink_property_id`.
    pub id: i32,
    /// The value of a property that is a number; otherwise 0.
    pub number: u32,
    /// The name of a user property; otherwise NULL.
    pub name: *const c_char,
    /// The value of a property that is a string, binary data or a user property; otherwise NULL. A NUL
    /// follows the last byte.
    pub value: *const c_char,
    /// How many bytes the value has, without that NUL.
    pub value_len: usize,
}

impl From<Properties<'_>> for mqttlink_properties {
    fn from(properties: Properties<'_>) -> Self {
        let inner = Inner { wire: properties.into_owned(), shown: None };
        Self { inner: Mutex::new(inner) }
    }
}

impl mqttlink_properties {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn copied(&self) -> Properties<'static> {
        self.lock().wire.clone()
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Properties<'static>) -> Result<(), EncodeError>,
    ) -> Result<(), Failure> {
        let mut inner = self.lock();
        let changed = change(&mut inner.wire);
        // Only now: what is put in may be what this list itself has shown.
        inner.shown = None;
        changed.map_err(|error| crate::Error::from(error).into())
    }
}

impl Inner {
    fn shown(&mut self) -> &[Shown] {
        let wire = &self.wire;
        self.shown.get_or_insert_with(|| wire.iter().map(show).collect())
    }

    fn first(&mut self, id: PropertyId) -> Option<&Shown> {
        self.shown().iter().find(|shown| shown.id == id.number())
    }
}

fn show(property: crate::codec::Property<'_>) -> Shown {
    let id = property.id.number();
    let ended = |bytes: &[u8]| [bytes, &[0]].concat();
    let (name, value) = match property.value {
        PropertyValue::Text(text) => (None, Some(ended(text.as_bytes()))),
        PropertyValue::Binary(bytes) => (None, Some(ended(bytes))),
        PropertyValue::Pair(name, value) => (Some(c_text(name)), Some(ended(value.as_bytes()))),
        _ => (None, None),
    };
    Shown { id, number: property.value.number().unwrap_or_default(), name, value }
}

/// A copy of a list that may be NULL.
pub(super) fn list(properties: *const mqttlink_properties) -> Properties<'static> {
    optional(properties).map(mqttlink_properties::copied).unwrap_or_default()
}

/// A new, empty list. NULL only after a bug in mqttlink.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_new() -> *mut mqttlink_properties {
    guard::or(ptr::null_mut(), || new(Properties::new().into()))
}

/// Frees a list from `mqttlink_properties_new` or `mqttlink_properties_copy`. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_free(properties: *mut mqttlink_properties) {
    guard::or((), || free(properties));
}

/// A copy of a list, to be kept or changed. An empty one for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_copy(
    properties: *const mqttlink_properties,
) -> *mut mqttlink_properties {
    guard::or(ptr::null_mut(), || new(list(properties).into()))
}

/// Sets a property that is a number of any width, in the place of an earlier one; only a subscription
/// identifier may repeat.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_set_number(
    properties: *mut mqttlink_properties,
    id: i32,
    number: u32,
) -> mqttlink_status {
    guard::call(|| {
        let (list, id) = (given(properties, "properties")?, property_id(id)?);
        list.change(|wire| wire.set_u32(id, number))
    })
}

/// Sets a property that is a string, at most 65,535 bytes of UTF-8, in the place of an earlier one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_set_text(
    properties: *mut mqttlink_properties,
    id: i32,
    value: *const c_char,
) -> mqttlink_status {
    guard::call(|| {
        let (list, id) = (given(properties, "properties")?, property_id(id)?);
        let value = text(value, "value")?;
        list.change(|wire| wire.set_text(id, value))
    })
}

/// Sets a property that is binary data, at most 65,535 bytes, in the place of an earlier one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_set_data(
    properties: *mut mqttlink_properties,
    id: i32,
    data: *const c_void,
    len: usize,
) -> mqttlink_status {
    guard::call(|| {
        let (list, id) = (given(properties, "properties")?, property_id(id)?);
        let data = bytes(data, len, "data")?;
        list.change(|wire| wire.set_binary(id, data))
    })
}

/// Appends a user property. Names may repeat, the order is kept. Each string has at most 65,535 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_add_user(
    properties: *mut mqttlink_properties,
    name: *const c_char,
    value: *const c_char,
) -> mqttlink_status {
    guard::call(|| {
        let list = given(properties, "properties")?;
        let (name, value) = (text(name, "name")?, text(value, "value")?);
        list.change(|wire| wire.add_user_property(name, value))
    })
}

/// Takes every property with this identifier out. Succeeds if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_remove(
    properties: *mut mqttlink_properties,
    id: i32,
) -> mqttlink_status {
    guard::call(|| {
        let (list, id) = (given(properties, "properties")?, property_id(id)?);
        list.change(|wire| {
            wire.remove(id);
            Ok(())
        })
    })
}

/// How many properties the list has. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_count(properties: *const mqttlink_properties) -> usize {
    guard::or(0, || optional(properties).map_or(0, |list| list.lock().shown().len()))
}

/// Shows the property at a place, from 0. `MQTTLINK_ERROR_NOT_FOUND` behind the last one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_at(
    properties: *const mqttlink_properties,
    index: usize,
    property: *mut mqttlink_property,
) -> mqttlink_status {
    guard::call(|| {
        let (list, place) = (given(properties, "properties")?, out(property, "property")?);
        let mut inner = list.lock();
        let found = inner.shown().get(index);
        let shown =
            found.ok_or_else(|| Failure::plain(mqttlink_status::MQTTLINK_ERROR_NOT_FOUND))?;
        let value = shown.value.as_deref();
        place.put(mqttlink_property {
            id: shown.id.into(),
            number: shown.number,
            name: shown.name.as_ref().map_or(ptr::null(), |name| name.as_ptr()),
            value: value.map_or(ptr::null(), |value| value.as_ptr().cast()),
            value_len: value.map_or(0, |value| value.len() - 1),
        });
        Ok(())
    })
}

/// The number of the first property with this identifier. `MQTTLINK_ERROR_NOT_FOUND` if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_number(
    properties: *const mqttlink_properties,
    id: i32,
    number: *mut u32,
) -> mqttlink_status {
    guard::call(|| {
        let (list, id) = (given(properties, "properties")?, property_id(id)?);
        let place = out(number, "number")?;
        let found = list.lock().wire.number(id);
        place.put(found.ok_or_else(|| Failure::plain(mqttlink_status::MQTTLINK_ERROR_NOT_FOUND))?);
        Ok(())
    })
}

/// The string or data of the first property with this identifier; for a user property, the value.
/// NULL if there is none. A NUL follows its last byte; `len`, which may be NULL, does not count it, and is 0 if
/// there is none. Lives until the list is changed or freed, and may be what it is changed with.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_value(
    properties: *const mqttlink_properties,
    id: i32,
    len: *mut usize,
) -> *const c_char {
    guard::or(ptr::null(), || {
        put_if(len, || 0);
        let (Some(list), Ok(id)) = (optional(properties), property_id(id)) else {
            return ptr::null();
        };
        let mut inner = list.lock();
        let Some(value) = inner.first(id).and_then(|shown| shown.value.as_deref()) else {
            return ptr::null();
        };
        put_if(len, || value.len() - 1);
        value.as_ptr().cast()
    })
}

/// The value of the first user property with this name; NULL if there is none. Lives until the list is
/// changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_properties_user(
    properties: *const mqttlink_properties,
    name: *const c_char,
) -> *const c_char {
    guard::or(ptr::null(), || {
        let (Some(list), Ok(name)) = (optional(properties), text(name, "name")) else {
            return ptr::null();
        };
        let mut inner = list.lock();
        let wanted = |shown: &&Shown| {
            shown.name.as_ref().is_some_and(|found| found.as_bytes() == name.as_bytes())
        };
        let found = inner.shown().iter().find(wanted);
        let value = found.and_then(|shown| shown.value.as_deref());
        value.map_or(ptr::null(), |value| value.as_ptr().cast())
    })
}
