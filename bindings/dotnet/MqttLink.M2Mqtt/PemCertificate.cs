using System;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace nanoFramework.M2Mqtt
{
    /// <summary>A certificate from PEM text, with its private key if wanted. On the nanoFramework
    /// <c>new X509Certificate(string)</c> takes PEM; on other platforms that constructor takes the name of a file, so
    /// write <c>new PemCertificate(string)</c> instead.</summary>
    public class PemCertificate : X509Certificate
    {
        private const string Begin = "-----BEGIN CERTIFICATE-----";
        private const string End = "-----END CERTIFICATE-----";

        /// <summary>A certificate without a private key: an authority.</summary>
        /// <param name="certificate">PEM; of several certificates all are trusted, and the first is the one that the
        /// properties show.</param>
        /// <exception cref="ArgumentException">There is no certificate in the text.</exception>
        public PemCertificate(string certificate)
            : this(certificate, null, null)
        {
        }

        /// <summary>A certificate with its private key: a client.</summary>
        /// <param name="certificate">PEM; the certificates that lead to the authority may follow the first.</param>
        /// <param name="privateKey">PEM: PKCS#8, PKCS#1 or SEC 1; null for none.</param>
        /// <param name="keyPassword">The password of an encrypted key; null for none.</param>
        /// <exception cref="ArgumentException">There is no certificate in the text.</exception>
        public PemCertificate(string certificate, string privateKey, string keyPassword)
            : base(Decode(certificate))
        {
            Chain = Encoding.ASCII.GetBytes(certificate);
            Key = privateKey == null ? null : Encoding.ASCII.GetBytes(privateKey);
            KeyPassword = keyPassword;
        }

        internal byte[] Chain { get; }

        internal byte[] Key { get; }

        internal string KeyPassword { get; }

        internal static bool IsPem(byte[] bytes)
        {
            return Encoding.ASCII.GetString(bytes).IndexOf("-----BEGIN ", StringComparison.Ordinal) >= 0;
        }

        /// <summary>The bytes of an authority: all of the PEM, or DER.</summary>
        internal static byte[] AuthorityBytes(X509Certificate certificate)
        {
            PemCertificate pem = certificate as PemCertificate;
            return certificate == null ? null : pem != null ? pem.Chain : certificate.GetRawCertData();
        }

        private static byte[] Decode(string pem)
        {
            if (pem == null)
            {
                throw new ArgumentNullException(nameof(pem));
            }

            int start = pem.IndexOf(Begin, StringComparison.Ordinal);
            int end = start < 0 ? -1 : pem.IndexOf(End, start, StringComparison.Ordinal);
            if (end < 0)
            {
                throw new ArgumentException("there is no BEGIN CERTIFICATE and END CERTIFICATE in the text; for a file"
                    + " use new X509Certificate(path).", nameof(pem));
            }

            start += Begin.Length;
            return Convert.FromBase64String(pem.Substring(start, end - start).Trim());
        }
    }
}
