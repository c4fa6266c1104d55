using System;
using System.Security.Cryptography.X509Certificates;
using MqttLink.Interop;
using nanoFramework.M2Mqtt;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>How TLS is spoken.</summary>
    internal sealed class TlsPlan
    {
        /// <summary>Authorities, the client's certificate, versions.</summary>
        internal MqttTlsOptions Options;

        /// <summary>Decides in the place of the library, if there is one: host and certificate.</summary>
        internal Func<string, X509Certificate2, bool> Verifier;

        /// <exception cref="ArgumentException">A certificate or the version cannot be used.</exception>
        internal static TlsPlan From(
            byte[] authority, X509Certificate identity, byte[] identityBytes, MqttSslProtocols protocol)
        {
            MqttSslUtility.ToSslPlatformEnum(protocol);
            MqttTlsOptions options = new MqttTlsOptions();
            if (authority != null)
            {
                options.WithAuthority(authority);
            }

            if (identity != null)
            {
                AddIdentity(options, identity);
            }
            else if (identityBytes != null)
            {
                AddIdentity(options, identityBytes);
            }

            if (protocol != MqttSslProtocols.None)
            {
                MqttTlsVersion version = protocol == MqttSslProtocols.TLSv1_2
                    ? MqttTlsVersion.Tls12
                    : MqttTlsVersion.Tls13;
                options.WithVersions(version, version);
            }

            return new TlsPlan { Options = options };
        }

        internal void Apply(OptionsHandle options, bool validate)
        {
            lock (Options)
            {
                Options.DangerAcceptInvalidCertificates(!validate);
                Options.DangerAcceptInvalidHostNames(!validate);
                if (Verifier != null)
                {
                    Options.WithVerifier(Verifier);
                }

                MqttException.Check(NativeMethods.mqttlink_options_set_tls(options, Options.Handle));
            }
        }

        private static void AddIdentity(MqttTlsOptions options, X509Certificate certificate)
        {
            PemCertificate pem = certificate as PemCertificate;
            if (pem != null && pem.Key != null)
            {
                options.WithCertificate(pem.Chain, pem.Key, pem.KeyPassword);
                return;
            }

            X509Certificate2 whole = certificate as X509Certificate2 ?? new X509Certificate2(certificate);
            options.WithCertificate(whole);
        }

        private static void AddIdentity(MqttTlsOptions options, byte[] bytes)
        {
            if (PemCertificate.IsPem(bytes))
            {
                options.WithCertificate(bytes, bytes, null);
            }
            else
            {
                options.WithPkcs12(bytes, null);
            }
        }
    }
}
