using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MqttLink.Interop
{
    /// <summary>
    /// The private key of a certificate as DER: PKCS#1 for RSA (RFC 8017), SEC 1 for elliptic curves (RFC 5915).
    /// A PKCS#12 container would hold it too, but the older runtimes encrypt that in a way that OpenSSL 3 refuses.
    /// </summary>
    internal static class PrivateKey
    {
        private const byte Integer = 0x02;
        private const byte BitString = 0x03;
        private const byte OctetString = 0x04;
        private const byte ObjectIdentifier = 0x06;
        private const byte Sequence = 0x30;

        internal static byte[] Export(X509Certificate2 certificate)
        {
            if (!certificate.HasPrivateKey)
            {
                throw new ArgumentException(
                    "the certificate " + certificate.Subject + " has no private key", nameof(certificate));
            }
            try
            {
                using (var rsa = certificate.GetRSAPrivateKey())
                {
                    if (rsa != null)
                    {
                        return Encode(rsa.ExportParameters(true));
                    }
                }
                using (var curve = certificate.GetECDsaPrivateKey())
                {
                    if (curve != null)
                    {
                        return Encode(curve.ExportParameters(true));
                    }
                }
            }
            catch (CryptographicException exception)
            {
                throw new ArgumentException(
                    "the private key of " + certificate.Subject + " cannot be exported; load the certificate with "
                    + "X509KeyStorageFlags.Exportable, or give certificate and key as files", nameof(certificate),
                    exception);
            }
            throw new ArgumentException(
                "the private key of " + certificate.Subject + " is neither RSA nor of an elliptic curve",
                nameof(certificate));
        }

        private static byte[] Encode(RSAParameters key)
        {
            var parts = new[]
            {
                new byte[1], key.Modulus, key.Exponent, key.D, key.P, key.Q, key.DP, key.DQ, key.InverseQ,
            };
            return Tagged(Sequence, parts.SelectMany(Number).ToArray());
        }

        private static byte[] Encode(ECParameters key)
        {
            var point = new byte[] { 0, 4 }.Concat(key.Q.X).Concat(key.Q.Y).ToArray();
            return Tagged(Sequence, Number(new byte[] { 1 })
                .Concat(Tagged(OctetString, key.D))
                .Concat(Tagged(0xa0, Tagged(ObjectIdentifier, Oid(key.Curve.Oid))))
                .Concat(Tagged(0xa1, Tagged(BitString, point)))
                .ToArray());
        }

        // Positive: a zero goes before a first bit that is set; other zeros in front are left out.
        private static byte[] Number(byte[] bigEndian)
        {
            var plain = bigEndian.SkipWhile(digit => digit == 0).ToArray();
            var content = plain.Length == 0 || plain[0] >= 0x80 ? new byte[] { 0 }.Concat(plain).ToArray() : plain;
            return Tagged(Integer, content);
        }

        private static byte[] Oid(Oid oid)
        {
            // Some runtimes give the name of a curve only.
            switch (oid.Value ?? oid.FriendlyName)
            {
                case "1.2.840.10045.3.1.7":
                case "nistP256":
                case "ECDSA_P256":
                    return new byte[] { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
                case "1.3.132.0.34":
                case "nistP384":
                case "ECDSA_P384":
                    return new byte[] { 0x2b, 0x81, 0x04, 0x00, 0x22 };
                case "1.3.132.0.35":
                case "nistP521":
                case "ECDSA_P521":
                    return new byte[] { 0x2b, 0x81, 0x04, 0x00, 0x23 };
                default:
                    throw new ArgumentException(
                        "the elliptic curve " + (oid.FriendlyName ?? oid.Value) + " is none of P-256, P-384, P-521");
            }
        }

        private static byte[] Tagged(byte tag, byte[] content)
        {
            return new[] { tag }.Concat(Length(content.Length)).Concat(content).ToArray();
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
