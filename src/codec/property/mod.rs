//! Properties of MQTT 5.0: lists of typed values, kept in the form they have on the wire.

mod table;

use std::borrow::Cow;
use std::fmt;

use super::wire::{Reader, put_binary, put_string, put_var_int};
use super::{DecodeError, EncodeError, PacketType, VAR_INT_MAX, topic};
pub use table::PropertyId;
pub(crate) use table::{Kind, Place, Seen};

/// A property's value. Which variant belongs to which property is fixed by the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyValue<'a> {
    /// One byte.
    Byte(u8),
    /// A two-byte integer.
    TwoByte(u16),
    /// A four-byte integer.
    FourByte(u32),
    /// A variable byte integer, at most 268,435,455.
    VarInt(u32),
    /// A UTF-8 string of at most 65,535 bytes.
    Text(&'a str),
    /// At most 65,535 bytes.
    Binary(&'a [u8]),
    /// A name and a value, each a UTF-8 string of at most 65,535 bytes.
    Pair(&'a str, &'a str),
}

impl PropertyValue<'_> {
    const fn kind(&self) -> Kind {
        match self {
            Self::Byte(_) => Kind::Byte,
            Self::TwoByte(_) => Kind::TwoByte,
            Self::FourByte(_) => Kind::FourByte,
            Self::VarInt(_) => Kind::VarInt,
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
            Self::Pair(..) => Kind::Pair,
        }
    }

    /// The number, for the four kinds that are numbers.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        match *self {
            Self::Byte(value) => Some(value.into()),
            Self::TwoByte(value) => Some(value.into()),
            Self::FourByte(value) | Self::VarInt(value) => Some(value),
            Self::Text(_) | Self::Binary(_) | Self::Pair(..) => None,
        }
    }
}

/// One property: which, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    /// Which property.
    pub id: PropertyId,
    /// Its value.
    pub value: PropertyValue<'a>,
}

impl<'a> Property<'a> {
    fn decode(reader: &mut Reader<'a>, packet: PacketType) -> Result<Self, DecodeError> {
        let number = reader.var_int("property identifier")?;
        let id = u8::try_from(number).ok().and_then(PropertyId::from_u8);
        let id = id.ok_or(DecodeError::UnknownProperty { packet, id: number })?;
        let name = id.info().name;
        let value = match id.info().kind {
            Kind::Byte => PropertyValue::Byte(reader.u8(name)?),
            Kind::TwoByte => PropertyValue::TwoByte(reader.u16(name)?),
            Kind::FourByte => PropertyValue::FourByte(reader.u32(name)?),
            Kind::VarInt => PropertyValue::VarInt(reader.var_int(name)?),
            Kind::Text => PropertyValue::Text(reader.string(name)?),
            Kind::Binary => PropertyValue::Binary(reader.binary(name)?),
            Kind::Pair => PropertyValue::Pair(reader.string(name)?, reader.string(name)?),
        };
        Ok(Self { id, value })
    }

    fn check_received(&self) -> Result<(), DecodeError> {
        if let Some(value) = self.value.number().filter(|value| !self.id.in_range(*value)) {
            return Err(DecodeError::PropertyOutOfRange { property: self.id, value });
        }
        match (self.id, self.value) {
            (PropertyId::ResponseTopic, PropertyValue::Text(name)) => {
                topic::check_received_name(name, "response topic")
            }
            _ => Ok(()),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let name = self.id.info().name;
        let out_of_range = EncodeError::PropertyOutOfRange { property: self.id };
        let number = self.value.number().unwrap_or_default();
        let in_range = self.id.in_range(number) || self.value.number().is_none();
        if self.value.kind() != self.id.info().kind || !in_range {
            return Err(out_of_range);
        }
        out.push(self.id.number());
        match self.value {
            PropertyValue::Byte(value) => out.push(value),
            PropertyValue::TwoByte(value) => out.extend_from_slice(&value.to_be_bytes()),
            PropertyValue::FourByte(value) => out.extend_from_slice(&value.to_be_bytes()),
            PropertyValue::VarInt(value) if value > VAR_INT_MAX => return Err(out_of_range),
            PropertyValue::VarInt(value) => put_var_int(out, value),
            PropertyValue::Text(text) => {
                if self.id == PropertyId::ResponseTopic {
                    topic::check_name(text)
                        .map_err(|error| EncodeError::InvalidTopic { field: name, error })?;
                }
                put_string(out, text, name)?;
            }
            PropertyValue::Binary(bytes) => put_binary(out, bytes, name)?,
            PropertyValue::Pair(key, value) => {
                put_string(out, key, name)?;
                put_string(out, value, name)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Property<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.id)?;
        match self.value {
            PropertyValue::Binary(bytes) => write!(f, "({} bytes)", bytes.len()),
            PropertyValue::Text(text) => write!(f, "{text:?}"),
            PropertyValue::Pair(name, value) => write!(f, "{name:?}:{value:?}"),
            PropertyValue::Byte(_)
            | PropertyValue::TwoByte(_)
            | PropertyValue::FourByte(_)
            | PropertyValue::VarInt(_) => write!(f, "{}", self.value.number().unwrap_or_default()),
        }
    }
}

/// The properties of one packet, in order, in the form they have on the wire.
///
/// Reading borrows from the packet; building owns. Properties exist in MQTT 5.0 only; a packet of
/// another version always has none.
///
/// ```
/// use mqttlink::codec::{Properties, PropertyId};
///
/// let mut properties = Properties::new();
/// properties.set_u32(PropertyId::MessageExpiryInterval, 60)?;
/// properties.add_user_property("unit", "kelvin")?;
/// assert_eq!(properties.number(PropertyId::MessageExpiryInterval), Some(60));
/// assert_eq!(properties.user_properties().collect::<Vec<_>>(), [("unit", "kelvin")]);
/// # Ok::<(), mqttlink::codec::EncodeError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties<'a> {
    wire: Cow<'a, [u8]>,
}

impl<'a> Properties<'a> {
    /// No properties.
    #[must_use]
    pub const fn new() -> Self {
        Self { wire: Cow::Borrowed(&[]) }
    }

    /// Puts a property in, in the place of an earlier one unless it is a user property or a
    /// subscription identifier, which may repeat.
    ///
    /// # Errors
    /// [`EncodeError`] when the value is of another type, out of range or too long.
    pub fn set(&mut self, property: Property<'_>) -> Result<(), EncodeError> {
        let mut encoded = Vec::new();
        property.encode(&mut encoded)?;
        if !property.id.may_repeat() {
            self.remove(property.id);
        }
        self.wire.to_mut().extend_from_slice(&encoded);
        Ok(())
    }

    /// [`set`](Self::set) for a property that is a number of any width.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_u32(&mut self, id: PropertyId, value: u32) -> Result<(), EncodeError> {
        let out_of_range = || EncodeError::PropertyOutOfRange { property: id };
        let value = match id.info().kind {
            Kind::Byte => PropertyValue::Byte(value.try_into().map_err(|_| out_of_range())?),
            Kind::TwoByte => PropertyValue::TwoByte(value.try_into().map_err(|_| out_of_range())?),
            Kind::FourByte => PropertyValue::FourByte(value),
            Kind::VarInt => PropertyValue::VarInt(value),
            Kind::Text | Kind::Binary | Kind::Pair => return Err(out_of_range()),
        };
        self.set(Property { id, value })
    }

    /// [`set`](Self::set) for a property that is a string.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_text(&mut self, id: PropertyId, text: &str) -> Result<(), EncodeError> {
        self.set(Property { id, value: PropertyValue::Text(text) })
    }

    /// [`set`](Self::set) for a property that is binary data.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_binary(&mut self, id: PropertyId, bytes: &[u8]) -> Result<(), EncodeError> {
        self.set(Property { id, value: PropertyValue::Binary(bytes) })
    }

    /// Appends a user property. Names may repeat and the order is kept.
    ///
    /// # Errors
    /// [`EncodeError`] when name or value is too long or contains U+0000.
    pub fn add_user_property(&mut self, name: &str, value: &str) -> Result<(), EncodeError> {
        self.set(Property { id: PropertyId::UserProperty, value: PropertyValue::Pair(name, value) })
    }

    /// Takes every property with this id out.
    pub fn remove(&mut self, id: PropertyId) {
        if self.get(id).is_some() {
            self.retain(|property| property.id != id);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wire.is_empty()
    }

    /// All properties, in order.
    #[must_use]
    pub fn iter(&self) -> PropertyIter<'_> {
        PropertyIter { reader: Reader::new(&self.wire) }
    }

    /// The value of the first property with this id.
    #[must_use]
    pub fn get(&self, id: PropertyId) -> Option<PropertyValue<'_>> {
        self.iter().find(|property| property.id == id).map(|property| property.value)
    }

    /// The value of a property that is a number of any width.
    #[must_use]
    pub fn number(&self, id: PropertyId) -> Option<u32> {
        self.get(id)?.number()
    }

    /// The value of a property that is a string.
    #[must_use]
    pub fn text(&self, id: PropertyId) -> Option<&str> {
        match self.get(id)? {
            PropertyValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a property that is binary data.
    #[must_use]
    pub fn binary(&self, id: PropertyId) -> Option<&[u8]> {
        match self.get(id)? {
            PropertyValue::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Names and values of the user properties, in order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter_map(|property| match property.value {
            PropertyValue::Pair(name, value) => Some((name, value)),
            _ => None,
        })
    }

    /// The reason string.
    #[must_use]
    pub fn reason_string(&self) -> Option<&str> {
        self.text(PropertyId::ReasonString)
    }

    /// The same properties, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Properties<'static> {
        Properties { wire: Cow::Owned(self.wire.into_owned()) }
    }

    /// The same properties, borrowing from `self`.
    #[must_use]
    pub fn borrowed(&self) -> Properties<'_> {
        Properties { wire: Cow::Borrowed(&self.wire) }
    }

    /// Reads encoded properties, which outlive the value.
    pub(crate) const fn iter_wire(wire: &'a [u8]) -> PropertyIter<'a> {
        PropertyIter { reader: Reader::new(wire) }
    }

    /// The encoded properties without their length, for keeping a range of the input.
    pub(crate) const fn from_checked(wire: &'a [u8]) -> Self {
        Self { wire: Cow::Borrowed(wire) }
    }

    /// The encoded properties without their length.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// How many bytes the properties take, without their length.
    pub(crate) fn wire_len(&self) -> usize {
        self.wire.len()
    }

    /// Where the value of the first property with this id begins.
    pub(crate) fn value_offset(&self, id: PropertyId) -> Option<usize> {
        let mut properties = self.iter();
        loop {
            let before = self.wire.len() - properties.reader.len();
            if properties.next()?.id == id {
                return Some(before + 1);
            }
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&Property<'_>) -> bool) {
        let mut kept = Vec::with_capacity(self.wire.len());
        for property in self.iter().filter(keep) {
            // What was encoded once encodes again.
            let _ = property.encode(&mut kept);
        }
        self.wire = Cow::Owned(kept);
    }

    /// Without what is left out of a packet that would otherwise be too large for its receiver.
    pub(crate) fn without_diagnostics(&self) -> Properties<'static> {
        let mut rest = self.clone().into_owned();
        rest.retain(|property| {
            !matches!(property.id, PropertyId::ReasonString | PropertyId::UserProperty)
        });
        rest
    }

    pub(crate) fn decode(reader: &mut Reader<'a>, place: Place) -> Result<Self, DecodeError> {
        let len = reader.var_int("property length")?;
        let wire = reader.take(usize::try_from(len).unwrap_or(usize::MAX), "properties")?;
        if !wire.is_empty() {
            check_wire(wire, place)?;
        }
        Ok(Self::from_checked(wire))
    }

    /// As [`decode`](Self::decode), where a packet that ends here has no properties.
    pub(crate) fn decode_optional(
        reader: &mut Reader<'a>,
        place: Place,
    ) -> Result<Self, DecodeError> {
        if reader.is_empty() { Ok(Self::new()) } else { Self::decode(reader, place) }
    }

    /// Whether all of them may stand in `place`, each once unless it may repeat.
    pub(crate) fn check(&self, place: Place) -> Result<(), EncodeError> {
        let mut seen = Seen::default();
        for property in self.iter() {
            seen.note(property.id, place).map_err(|misuse| misuse.encoding(property.id, place))?;
        }
        if seen.has(PropertyId::AuthenticationData) && !seen.has(PropertyId::AuthenticationMethod) {
            return Err(EncodeError::MisplacedProperty {
                property: PropertyId::AuthenticationData,
                packet: place.packet(),
            });
        }
        Ok(())
    }

    /// Appends length and properties.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, place: Place) -> Result<(), EncodeError> {
        if !self.is_empty() {
            self.check(place)?;
        }
        let len = u32::try_from(self.wire.len()).ok().filter(|len| *len <= VAR_INT_MAX).ok_or(
            EncodeError::PacketTooLarge {
                size: self.wire.len(),
                max: super::frame::MAX_PACKET_SIZE,
            },
        )?;
        put_var_int(out, len);
        out.extend_from_slice(&self.wire);
        Ok(())
    }
}

fn check_wire(wire: &[u8], place: Place) -> Result<(), DecodeError> {
    let packet = place.packet();
    let mut reader = Reader::new(wire);
    let mut seen = Seen::default();
    while !reader.is_empty() {
        let property = Property::decode(&mut reader, packet)?;
        seen.note(property.id, place).map_err(|misuse| misuse.decoding(property.id, place))?;
        property.check_received()?;
    }
    if seen.has(PropertyId::AuthenticationData) && !seen.has(PropertyId::AuthenticationMethod) {
        return Err(DecodeError::AuthDataWithoutMethod { packet });
    }
    Ok(())
}

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|property| property.to_string())).finish()
    }
}

/// Every property with a space before it, so that packets can append them to their own line.
impl fmt::Display for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|property| write!(f, " {property}"))
    }
}

/// Iterator over [`Properties`].
#[derive(Debug, Clone)]
pub struct PropertyIter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for PropertyIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        if self.reader.is_empty() {
            return None;
        }
        // The bytes were checked when they were read or written.
        Property::decode(&mut self.reader, PacketType::Publish).ok()
    }
}
