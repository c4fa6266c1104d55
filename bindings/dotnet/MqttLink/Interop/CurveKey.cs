using System;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MqttLink.Interop
{
    /// <summary>
    /// The private key of a certificate with an elliptic curve, as SEC 1 (RFC 5915). By itself, since some runtimes
    /// lack the types.
    /// </summary>
    internal static class CurveKey
    {
        /// <summary>The key; null if the certificate's is of another kind.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        internal static byte[] Export(X509Certificate2 certificate)
        {
            using (var curve = certificate.GetECDsaPrivateKey())
            {
                return curve == null ? null : Encode(curve.ExportParameters(true));
            }
        }

        private static byte[] Encode(ECParameters key)
        {
            var point = new byte[] { 0, 4 }.Concat(key.Q.X).Concat(key.Q.Y).ToArray();
            return Der.Tagged(Der.Sequence, Der.Number(new byte[] { 1 })
                .Concat(Der.Tagged(Der.OctetString, key.D))
                .Concat(Der.Tagged(Der.Parameters, Der.Tagged(Der.ObjectIdentifier, Oid(key.Curve.Oid))))
                .Concat(Der.Tagged(Der.PublicKey, Der.Tagged(Der.BitString, point)))
                .ToArray());
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
    }
}
