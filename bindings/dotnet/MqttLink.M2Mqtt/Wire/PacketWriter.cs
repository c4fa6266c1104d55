using System;
using System.Collections;
using System.Text;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Wire
{
    /// <summary>Identifiers of MQTT 5.0's properties (section 2.2.2.2).</summary>
    internal enum PropertyId : byte
    {
        PayloadFormatIndicator = 1,
        MessageExpiryInterval = 2,
        ContentType = 3,
        ResponseTopic = 8,
        CorrelationData = 9,
        SubscriptionIdentifier = 11,
        SessionExpiryInterval = 17,
        AssignedClientIdentifier = 18,
        ServerKeepAlive = 19,
        AuthenticationMethod = 21,
        AuthenticationData = 22,
        RequestProblemInformation = 23,
        WillDelayInterval = 24,
        RequestResponseInformation = 25,
        ResponseInformation = 26,
        ServerReference = 28,
        ReasonString = 31,
        ReceiveMaximum = 33,
        TopicAliasMaximum = 34,
        TopicAlias = 35,
        MaximumQos = 36,
        RetainAvailable = 37,
        UserProperty = 38,
        MaximumPacketSize = 39,
        WildcardSubscriptionAvailable = 40,
        SubscriptionIdentifierAvailable = 41,
        SharedSubscriptionAvailable = 42
    }

    /// <summary>Builds the body of a packet, or a list of properties, and the packet around it.</summary>
    internal sealed class PacketWriter
    {
        internal const int RemainingLengthMax = 268435455;
        internal static readonly Encoding Utf8 = new UTF8Encoding(false, true);

        private byte[] buffer = new byte[64];

        internal int Length { get; private set; }

        internal void Byte(int value)
        {
            Reserve(1);
            buffer[Length++] = (byte)value;
        }

        internal void UInt16(int value)
        {
            Byte(value >> 8);
            Byte(value);
        }

        internal void UInt32(uint value)
        {
            UInt16((int)(value >> 16));
            UInt16((int)(value & 0xFFFF));
        }

        internal void VarInt(int value)
        {
            if (value < 0 || value > RemainingLengthMax)
            {
                throw new ArgumentException(
                    "a variable byte integer is 0 to 268,435,455, and this is " + value + ".");
            }

            do
            {
                int low = value & 0x7F;
                value >>= 7;
                Byte(value > 0 ? low | 0x80 : low);
            }
            while (value > 0);
        }

        internal void Text(string value, string what)
        {
            Binary(Encode(value, what), what);
        }

        internal void Binary(byte[] value, string what)
        {
            byte[] bytes = value ?? new byte[0];
            if (bytes.Length > ushort.MaxValue)
            {
                throw new ArgumentException(
                    "the " + what + " has " + bytes.Length + " bytes; MQTT allows 65,535.");
            }

            UInt16(bytes.Length);
            Raw(bytes, bytes.Length);
        }

        internal void Raw(byte[] bytes, int count)
        {
            Reserve(count);
            Buffer.BlockCopy(bytes, 0, buffer, Length, count);
            Length += count;
        }

        /// <summary>Appends a list of properties, its length first.</summary>
        internal void Properties(PacketWriter properties)
        {
            VarInt(properties.Length);
            Raw(properties.buffer, properties.Length);
        }

        internal void Property(PropertyId id, byte value)
        {
            Byte((int)id);
            Byte(value);
        }

        internal void Property(PropertyId id, ushort value)
        {
            Byte((int)id);
            UInt16(value);
        }

        internal void Property(PropertyId id, uint value)
        {
            Byte((int)id);
            UInt32(value);
        }

        /// <summary>Appends the property, if there is a value.</summary>
        internal void Property(PropertyId id, string value)
        {
            if (value != null)
            {
                Byte((int)id);
                Text(value, id.ToString());
            }
        }

        /// <summary>Appends the property, if there is a value.</summary>
        internal void Property(PropertyId id, byte[] value)
        {
            if (value != null)
            {
                Byte((int)id);
                Binary(value, id.ToString());
            }
        }

        internal void UserProperties(ArrayList list)
        {
            foreach (object item in list ?? new ArrayList())
            {
                UserProperty property = item as UserProperty;
                if (property == null)
                {
                    throw new ArgumentException(
                        "UserProperties holds an element that is not a UserProperty.");
                }

                Byte((int)PropertyId.UserProperty);
                Text(property.Name, "name of a user property");
                Text(property.Value, "value of a user property");
            }
        }

        /// <summary>What was written, with a fixed header before it.</summary>
        internal byte[] Packet(MqttMessageType type, int flags)
        {
            PacketWriter header = new PacketWriter();
            header.Byte(((int)type << 4) | flags);
            header.VarInt(Length);
            byte[] packet = new byte[header.Length + Length];
            Buffer.BlockCopy(header.buffer, 0, packet, 0, header.Length);
            Buffer.BlockCopy(buffer, 0, packet, header.Length, Length);
            return packet;
        }

        private static byte[] Encode(string value, string what)
        {
            string text = value ?? string.Empty;
            if (text.IndexOf('\0') >= 0)
            {
                throw new ArgumentException("the " + what + " holds U+0000, which MQTT forbids.");
            }

            try
            {
                return Utf8.GetBytes(text);
            }
            catch (EncoderFallbackException error)
            {
                throw new ArgumentException("the " + what + " is not valid Unicode.", error);
            }
        }

        private void Reserve(int count)
        {
            if (Length + count > buffer.Length)
            {
                Array.Resize(ref buffer, Math.Max(buffer.Length * 2, Length + count));
            }
        }
    }
}
