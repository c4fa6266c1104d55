using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// Who a broker is, and which clients it wants to see proof from. On Windows and Apple's systems a broker has no
    /// TLS.
    /// </summary>
    public sealed class MqttServerTls
    {
        /// <summary>
        /// TLS with the broker's certificate, followed by those that lead to its authority, and its private key, both
        /// in PEM files, which are read when a broker starts.
        /// </summary>
        public MqttServerTls(string certificatePath, string keyPath)
        {
            NativeLibraryFinder.Ensure();
            MqttException.Check(NativeMethods.mqttlink_server_tls_new(
                Text.Required(certificatePath, nameof(certificatePath)), Text.Required(keyPath, nameof(keyPath)),
                out var handle));
            Handle = handle;
        }

        /// <summary>TLS with certificate and key as PEM.</summary>
        public unsafe MqttServerTls(byte[] certificate, byte[] key)
        {
            NativeLibraryFinder.Ensure();
            fixed (byte* first = certificate ?? throw new ArgumentNullException(nameof(certificate)))
            fixed (byte* second = key ?? throw new ArgumentNullException(nameof(key)))
            {
                MqttException.Check(NativeMethods.mqttlink_server_tls_new_from_memory(
                    first, NativeMethods.Size(certificate.Length), second, NativeMethods.Size(key.Length),
                    out var handle));
                Handle = handle;
            }
        }

        internal ServerTlsHandle Handle { get; }

        /// <summary>Asks clients for a certificate and takes those that this authority has signed; a PEM file.</summary>
        public MqttServerTls WithClientAuthorityFile(string path)
        {
            return After(NativeMethods.mqttlink_server_tls_add_client_authority_file(
                Handle, Text.Required(path, nameof(path))));
        }

        /// <summary>Asks clients for a certificate and takes those that this authority has signed; PEM.</summary>
        public unsafe MqttServerTls WithClientAuthority(byte[] data)
        {
            fixed (byte* start = data ?? throw new ArgumentNullException(nameof(data)))
            {
                return After(NativeMethods.mqttlink_server_tls_add_client_authority(
                    Handle, start, NativeMethods.Size(data.Length)));
            }
        }

        /// <summary>
        /// Whether a client without a certificate is refused. Default: false; the hook that authenticates sees whether
        /// there is one.
        /// </summary>
        public MqttServerTls RequireClientCertificate(bool required)
        {
            return After(NativeMethods.mqttlink_server_tls_require_client_certificate(Handle, required));
        }

        /// <summary>The oldest version that is spoken. Default: TLS 1.2.</summary>
        public MqttServerTls WithMinimumVersion(MqttTlsVersion version)
        {
            return After(NativeMethods.mqttlink_server_tls_set_min_version(Handle, (int)version));
        }

        private MqttServerTls After(MqttStatus status)
        {
            MqttException.Check(status);
            return this;
        }
    }
}
