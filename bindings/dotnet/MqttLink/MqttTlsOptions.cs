using System;
using System.Security.Cryptography.X509Certificates;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// What to trust and who to be. By default the server's certificate is verified against the system's authorities
    /// and its name against the host. Each method changes one thing and returns the same object.
    /// </summary>
    public sealed class MqttTlsOptions
    {
        /// <summary>Verified against the system's authorities, without a client certificate.</summary>
        public MqttTlsOptions()
        {
            NativeLibraryFinder.Ensure();
            Handle = NativeMethods.mqttlink_tls_new();
        }

        internal TlsHandle Handle { get; }

        /// <summary>
        /// Trusts the certificate authorities in this file, PEM (one or more) or DER (one), besides the system's.
        /// </summary>
        public MqttTlsOptions WithAuthorityFile(string path)
        {
            return After(NativeMethods.mqttlink_tls_add_ca_file(Handle, Text.Required(path, nameof(path))));
        }

        /// <summary>
        /// Trusts these certificate authorities, PEM (one or more) or DER (one), besides the system's.
        /// </summary>
        public unsafe MqttTlsOptions WithAuthority(byte[] data)
        {
            fixed (byte* start = NotNull(data, nameof(data)))
            {
                return After(NativeMethods.mqttlink_tls_add_ca(Handle, start, NativeMethods.Size(data.Length)));
            }
        }

        /// <summary>Trusts this certificate authority besides the system's.</summary>
        public MqttTlsOptions WithAuthority(X509Certificate certificate)
        {
            return WithAuthority(
                (certificate ?? throw new ArgumentNullException(nameof(certificate))).GetRawCertData());
        }

        /// <summary>Whether the system's certificate authorities are trusted. Default: true.</summary>
        public MqttTlsOptions WithSystemRoots(bool trusted)
        {
            return After(NativeMethods.mqttlink_tls_set_system_roots(Handle, trusted));
        }

        /// <summary>
        /// The client's certificate with its private key, which has to be exportable
        /// (<see cref="X509KeyStorageFlags.Exportable"/>): RSA, or elliptic curves P-256, P-384 and P-521. Its chain
        /// is not sent.
        /// </summary>
        /// <exception cref="ArgumentException">It has no private key, or one that cannot be exported.</exception>
        public MqttTlsOptions WithCertificate(X509Certificate2 certificate)
        {
            var key = PrivateKey.Export(certificate ?? throw new ArgumentNullException(nameof(certificate)));
            return WithCertificate(certificate.RawData, key, null);
        }

        /// <summary>The client's certificate and private key.</summary>
        /// <param name="certificate">PEM with its chain behind it, or DER.</param>
        /// <param name="key">PKCS#8, PKCS#1 or SEC1, as PEM or DER.</param>
        /// <param name="keyPassword">The password of an encrypted PKCS#8 key; null for others.</param>
        public unsafe MqttTlsOptions WithCertificate(byte[] certificate, byte[] key, string keyPassword)
        {
            fixed (byte* start = NotNull(certificate, nameof(certificate)))
            {
                After(NativeMethods.mqttlink_tls_set_certificate(
                    Handle, start, NativeMethods.Size(certificate.Length)));
            }
            fixed (byte* start = NotNull(key, nameof(key)))
            {
                After(NativeMethods.mqttlink_tls_set_key(Handle, start, NativeMethods.Size(key.Length)));
            }
            return WithKeyPassword(keyPassword);
        }

        /// <summary>The client's certificate and private key, from files; kinds as for bytes.</summary>
        public MqttTlsOptions WithCertificateFiles(string certificate, string key, string keyPassword)
        {
            After(NativeMethods.mqttlink_tls_set_certificate_file(
                Handle, Text.Required(certificate, nameof(certificate))));
            After(NativeMethods.mqttlink_tls_set_key_file(Handle, Text.Required(key, nameof(key))));
            return WithKeyPassword(keyPassword);
        }

        /// <summary>The client's certificate, chain and key in one PKCS#12 container.</summary>
        public unsafe MqttTlsOptions WithPkcs12(byte[] data, string password)
        {
            fixed (byte* start = NotNull(data, nameof(data)))
            {
                return After(NativeMethods.mqttlink_tls_set_pkcs12(
                    Handle, start, NativeMethods.Size(data.Length), Text.Required(password ?? "", "password")));
            }
        }

        /// <summary>The client's certificate, chain and key in one PKCS#12 container, from a file.</summary>
        public MqttTlsOptions WithPkcs12File(string path, string password)
        {
            return After(NativeMethods.mqttlink_tls_set_pkcs12_file(
                Handle, Text.Required(path, nameof(path)), Text.Required(password ?? "", "password")));
        }

        /// <summary>
        /// Offers an application protocol (ALPN), in order of preference: <c>mqtt</c>, or <c>x-amzn-mqtt-ca</c> for
        /// AWS IoT Core on port 443.
        /// </summary>
        public MqttTlsOptions WithAlpn(string protocol)
        {
            return After(NativeMethods.mqttlink_tls_add_alpn(Handle, Text.Required(protocol, nameof(protocol))));
        }

        /// <summary>The name that the server's certificate is for, where it is not the host of the URL.</summary>
        public MqttTlsOptions WithServerName(string name)
        {
            return After(NativeMethods.mqttlink_tls_set_server_name(Handle, Text.Required(name, nameof(name))));
        }

        /// <summary>
        /// The oldest and the newest version. Default: TLS 1.2, and the newest there is.
        /// </summary>
        public MqttTlsOptions WithVersions(MqttTlsVersion minimum, MqttTlsVersion maximum)
        {
            After(NativeMethods.mqttlink_tls_set_min_version(Handle, (int)minimum));
            return After(NativeMethods.mqttlink_tls_set_max_version(Handle, (int)maximum));
        }

        /// <summary>The oldest version accepted. Default: TLS 1.2.</summary>
        public MqttTlsOptions WithMinimumVersion(MqttTlsVersion minimum)
        {
            return After(NativeMethods.mqttlink_tls_set_min_version(Handle, (int)minimum));
        }

        /// <summary>Whether the server is told the name that is expected (SNI). Default: true.</summary>
        public MqttTlsOptions WithServerNameIndication(bool sent)
        {
            return After(NativeMethods.mqttlink_tls_set_sni(Handle, sent));
        }

        /// <summary>Accepts any certificate. Whoever is on the way can read and change everything.</summary>
        public MqttTlsOptions DangerAcceptInvalidCertificates(bool accepted)
        {
            return After(NativeMethods.mqttlink_tls_danger_accept_invalid_certificates(Handle, accepted));
        }

        /// <summary>
        /// Accepts a certificate that is for another name. Whoever has any certificate of a trusted authority can
        /// read and change everything.
        /// </summary>
        public MqttTlsOptions DangerAcceptInvalidHostNames(bool accepted)
        {
            return After(NativeMethods.mqttlink_tls_danger_accept_invalid_host_names(Handle, accepted));
        }

        /// <summary>
        /// Has a function decide about the server's certificate, in the place of the TLS library, which checks neither
        /// authority nor name then, only that the server has the key. The function is given the name that was asked for
        /// and the certificate, and returns whether to go on. It runs on the thread that connects, for every connection,
        /// before a byte of MQTT; what it throws counts as a no.
        /// </summary>
        public MqttTlsOptions WithVerifier(Func<string, X509Certificate2, bool> verifier)
        {
            var user = BrokerHooks.User(verifier ?? throw new ArgumentNullException(nameof(verifier)));
            // The library frees the pointer, also if this fails.
            return After(NativeMethods.mqttlink_tls_set_verifier(
                Handle, Verifier.Function, user, BrokerHooks.FreeUser));
        }

        private static byte[] NotNull(byte[] data, string name)
        {
            return data ?? throw new ArgumentNullException(name);
        }

        private MqttTlsOptions WithKeyPassword(string password)
        {
            return password == null
                ? this
                : After(NativeMethods.mqttlink_tls_set_key_password(Handle, Text.ToNative(password, "password")));
        }

        private MqttTlsOptions After(MqttStatus status)
        {
            MqttException.Check(status);
            return this;
        }
    }
}
