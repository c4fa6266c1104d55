using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace nanoFramework.M2Mqtt
{
    /// <summary>What .NET thinks of a server's certificate: the arguments of a
    /// <see cref="RemoteCertificateValidationCallback"/>.</summary>
    internal sealed class CertificateFindings : IDisposable
    {
        private const string AlternativeNames = "2.5.29.17";

        internal CertificateFindings(string host, X509Certificate2 certificate, X509Certificate authority)
        {
            Chain = new X509Chain();
            Chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            X509Certificate2 root = authority == null ? null : new X509Certificate2(authority.GetRawCertData());
            if (root != null)
            {
                Chain.ChainPolicy.ExtraStore.Add(root);
            }

            bool trusted = Chain.Build(certificate) || EndsAt(root);
            Errors = (trusted ? SslPolicyErrors.None : SslPolicyErrors.RemoteCertificateChainErrors)
                | (IsFor(host, certificate) ? SslPolicyErrors.None : SslPolicyErrors.RemoteCertificateNameMismatch);
        }

        internal X509Chain Chain { get; }

        internal SslPolicyErrors Errors { get; }

        public void Dispose()
        {
            Chain.Dispose();
        }

        /// <summary>Whether nothing is wrong but that the system does not know the root.</summary>
        private bool EndsAt(X509Certificate2 root)
        {
            const X509ChainStatusFlags Unknown =
                X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;
            int count = Chain.ChainElements.Count;
            return root != null && count > 1
                && Chain.ChainStatus.All(status => (status.Status & ~Unknown) == 0)
                && Chain.ChainElements[count - 1].Certificate.Thumbprint == root.Thumbprint;
        }

        /// <summary>Whether the certificate names the host, by its name or its address.</summary>
        internal static bool IsFor(string host, X509Certificate2 certificate)
        {
            X509Extension extension = certificate.Extensions[AlternativeNames];
            if (extension == null)
            {
                return Matches(certificate.GetNameInfo(X509NameType.DnsName, false), host);
            }

            IPAddress address;
            bool isAddress = IPAddress.TryParse(host, out address);
            return Names(extension.RawData).Any(name => isAddress
                ? name.Key == 0x87 && name.Value.SequenceEqual(address.GetAddressBytes())
                : name.Key == 0x82 && Matches(Encoding.ASCII.GetString(name.Value), host));
        }

        /// <summary>The names of the extension (RFC 5280, section 4.2.1.6): the tag and the bytes of each, up to one
        /// that is longer than what is there. The server has written them: nothing may be believed.</summary>
        internal static IEnumerable<KeyValuePair<byte, byte[]>> Names(byte[] der)
        {
            int at = 0;
            Length(der, ref at);
            while (at < der.Length)
            {
                byte tag = der[at];
                int length = Length(der, ref at);
                if (length > der.Length - at)
                {
                    yield break;
                }

                yield return new KeyValuePair<byte, byte[]>(tag, der.Skip(at).Take(length).ToArray());
                at += length;
            }
        }

        /// <summary>Steps over a tag and its length, which is returned; <see cref="int.MaxValue"/> if that is not a
        /// length.</summary>
        private static int Length(byte[] der, ref int at)
        {
            int first = at + 1 < der.Length ? der[at + 1] : 0xFF;
            at += 2;
            if (first < 0x80)
            {
                return first;
            }

            int bytes = first & 0x7F;
            if (bytes == 0 || bytes > 3 || bytes > der.Length - at)
            {
                return int.MaxValue;
            }

            int length = 0;
            for (int i = 0; i < bytes; i++)
            {
                length = (length << 8) | der[at++];
            }

            return length;
        }

        /// <summary>A star stands for the first label (RFC 6125, section 6.4.3).</summary>
        private static bool Matches(string name, string host)
        {
            if (name != null && name.StartsWith("*.", StringComparison.Ordinal))
            {
                int dot = host.IndexOf('.');
                return dot > 0
                    && string.Equals(name.Substring(1), host.Substring(dot), StringComparison.OrdinalIgnoreCase);
            }

            return string.Equals(name, host, StringComparison.OrdinalIgnoreCase);
        }
    }
}
