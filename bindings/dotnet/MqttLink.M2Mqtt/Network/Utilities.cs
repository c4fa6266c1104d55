using System;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace nanoFramework.M2Mqtt
{
    /// <summary>Questions about addresses.</summary>
    public static class IPAddressUtility
    {
        /// <summary>The address family of an address.</summary>
        /// <param name="ipAddress">The address.</param>
        /// <returns>IPv4 or IPv6.</returns>
        public static AddressFamily GetAddressFamily(this IPAddress ipAddress)
        {
            if (ipAddress == null)
            {
                throw new ArgumentNullException(nameof(ipAddress));
            }

            return ipAddress.AddressFamily;
        }
    }

    /// <summary>Questions about TLS.</summary>
    public static class MqttSslUtility
    {
        /// <summary>The platform's name of a version of TLS.</summary>
        /// <param name="mqttSslProtocol">The version.</param>
        /// <returns>The platform's name; the platform's choice for <see cref="MqttSslProtocols.None"/>.</returns>
        /// <exception cref="ArgumentException">The version is broken: SSL 3.0, TLS 1.0 or 1.1.</exception>
        public static SslProtocols ToSslPlatformEnum(MqttSslProtocols mqttSslProtocol)
        {
            switch (mqttSslProtocol)
            {
                case MqttSslProtocols.None: return SslProtocols.None;
                case MqttSslProtocols.TLSv1_2: return SslProtocols.Tls12;
                case MqttSslProtocols.TLSv1_3: return (SslProtocols)12288;
                default: throw Broken(mqttSslProtocol);
            }
        }

        internal static ArgumentException Broken(MqttSslProtocols protocol)
        {
            return new ArgumentException(protocol + " is broken and not spoken any more; use TLSv1_2 or TLSv1_3, or"
                + " None for the best that both sides know.");
        }

        /// <summary>Whether an authority that the system does not trust has issued the certificate.</summary>
        internal static bool IsIssuedBy(X509Certificate certificate, X509Certificate authority)
        {
            using (X509Chain chain = new X509Chain())
            using (X509Certificate2 root = new X509Certificate2(authority))
            using (X509Certificate2 leaf = new X509Certificate2(certificate))
            {
                chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
                chain.ChainPolicy.ExtraStore.Add(root);
                return chain.Build(leaf)
                    && chain.ChainElements[chain.ChainElements.Count - 1].Certificate.Thumbprint == root.Thumbprint;
            }
        }
    }
}
