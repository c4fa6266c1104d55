using System;
using System.Linq;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MqttLink.Interop
{
    /// <summary>
    /// The private key of a certificate as DER: PKCS#1 for RSA (RFC 8017), SEC 1 for elliptic curves. A PKCS#12
    /// container would hold it too, but the older runtimes encrypt that in a way that OpenSSL 3 refuses.
    /// </summary>
    internal static class PrivateKey
    {
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
                return CurveKey.Export(certificate) ?? throw Unusable(certificate, "is of an unknown kind", null);
            }
            catch (CryptographicException exception)
            {
                throw Unusable(
                    certificate, "cannot be exported (load it with X509KeyStorageFlags.Exportable)", exception);
            }
            catch (Exception exception) when (exception is TypeLoadException || exception is NotSupportedException
                || exception is NotImplementedException || exception is MissingMethodException)
            {
                throw Unusable(certificate, "is of a kind that this runtime cannot export", exception);
            }
        }

        private static ArgumentException Unusable(X509Certificate2 certificate, string why, Exception inner)
        {
            return new ArgumentException(
                "the private key of " + certificate.Subject + " " + why + "; give certificate and key as PEM or as "
                + "files instead", nameof(certificate), inner);
        }

        private static byte[] Encode(RSAParameters key)
        {
            var parts = new[]
            {
                new byte[1], key.Modulus, key.Exponent, key.D, key.P, key.Q, key.DP, key.DQ, key.InverseQ,
            };
            return Der.Tagged(Der.Sequence, parts.SelectMany(Der.Number).ToArray());
        }
    }
}
