using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>A client, as a broker saw it at one moment.</summary>
    public sealed class MqttPeer
    {
        private MqttPeer()
        {
        }

        /// <summary>The client identifier, which the broker may have chosen.</summary>
        public string ClientId { get; private set; }

        /// <summary>
        /// Who the client is: what the authentication said, else the user name; null if there is neither.
        /// </summary>
        public string User { get; private set; }

        /// <summary>The password; null if there is none, and in every hook but those that authenticate.</summary>
        public byte[] Password { get; private set; }

        /// <summary>The protocol version.</summary>
        public MqttProtocol Protocol { get; private set; }

        /// <summary>Address and port: "127.0.0.1:50000". Null for a client inside the process.</summary>
        public string Address { get; private set; }

        /// <summary>
        /// The subject of the certificate with which the client proved who it is: "CN=name,O=organisation"; null if
        /// it has none.
        /// </summary>
        public string CertificateSubject { get; private set; }

        /// <summary>The common name of that subject; null if there is none.</summary>
        public string CertificateCommonName { get; private set; }

        /// <summary>The certificate, in DER; null if there is none.</summary>
        public byte[] Certificate { get; private set; }

        /// <summary>
        /// The properties of CONNECT, of MQTT 5.0; an empty list in every hook but those that authenticate.
        /// </summary>
        public MqttProperties Properties { get; private set; }

        internal static MqttPeer From(IntPtr peer)
        {
            if (peer == IntPtr.Zero)
            {
                return null;
            }
            var password = NativeMethods.mqttlink_peer_password(peer, out var passwordLength);
            var certificate = NativeMethods.mqttlink_peer_certificate(peer, out var certificateLength);
            return new MqttPeer
            {
                ClientId = Text.FromNative(NativeMethods.mqttlink_peer_client_id(peer)),
                User = Text.FromNative(NativeMethods.mqttlink_peer_user(peer)),
                Password = Text.Bytes(password, passwordLength),
                Protocol = (MqttProtocol)NativeMethods.mqttlink_peer_version(peer),
                Address = Text.FromNative(NativeMethods.mqttlink_peer_address(peer)),
                CertificateSubject = Text.FromNative(NativeMethods.mqttlink_peer_certificate_subject(peer)),
                CertificateCommonName = Text.FromNative(NativeMethods.mqttlink_peer_certificate_common_name(peer)),
                Certificate = Text.Bytes(certificate, certificateLength),
                Properties = MqttProperties.FromNative(NativeMethods.mqttlink_peer_properties(peer)),
            };
        }
    }
}
