using System.Collections.Generic;
using System.Linq;

namespace MqttLink.Interop
{
    /// <summary>As much of DER as private keys need.</summary>
    internal static class Der
    {
        internal const byte Integer = 0x02;
        internal const byte BitString = 0x03;
        internal const byte OctetString = 0x04;
        internal const byte ObjectIdentifier = 0x06;
        internal const byte Sequence = 0x30;

        // The two optional parts of an ECPrivateKey.
        internal const byte Parameters = 0xa0;
        internal const byte PublicKey = 0xa1;

        internal static byte[] Tagged(byte tag, byte[] content)
        {
            return new[] { tag }.Concat(Length(content.Length)).Concat(content).ToArray();
        }

        /// <summary>
        /// A positive number: a zero goes before a first bit that is set, other zeros in front are left out.
        /// </summary>
        internal static byte[] Number(byte[] bigEndian)
        {
            var plain = bigEndian.SkipWhile(digit => digit == 0).ToArray();
            var content = plain.Length == 0 || plain[0] >= 0x80 ? new byte[] { 0 }.Concat(plain).ToArray() : plain;
            return Tagged(Integer, content);
        }

        private static IEnumerable<byte> Length(int length)
        {
            if (length < 0x80)
            {
                return new[] { (byte)length };
            }
            return length < 0x100
                ? new byte[] { 0x81, (byte)length }
                : new byte[] { 0x82, (byte)(length >> 8), (byte)length };
        }
    }
}
