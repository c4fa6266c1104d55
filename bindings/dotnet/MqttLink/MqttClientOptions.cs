using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// Everything about a client that is fixed before it is made. Each method changes one thing, throws at once if
    /// it cannot be, and returns the same object. The options can be used for any number of clients, each of
    /// which keeps a copy. Not for several threads at a time.
    /// </summary>
    public sealed partial class MqttClientOptions
    {
        /// <summary>
        /// Options for a server: <c>mqtt://host</c>, <c>mqtts://host:port</c>, <c>mqtt://user:password@host</c>.
        /// The ports are 1883 and with TLS 8883; <c>tcp</c> and <c>ssl</c> are other names for the schemes.
        /// </summary>
        /// <exception cref="ArgumentException">The URL cannot be used.</exception>
        /// <exception cref="DllNotFoundException">The C library is not there.</exception>
        public MqttClientOptions(string url)
        {
            NativeLibraryFinder.Ensure();
            MqttException.Check(NativeMethods.mqttlink_options_new(Text.Required(url, nameof(url)), out var handle));
            Handle = handle;
        }

        /// <summary>
        /// Options for a server by name or address and port, without TLS unless <see cref="WithTls"/> is called.
        /// </summary>
        /// <exception cref="ArgumentException">The host cannot be used.</exception>
        /// <exception cref="DllNotFoundException">The C library is not there.</exception>
        public MqttClientOptions(string host, int port)
        {
            NativeLibraryFinder.Ensure();
            MqttException.Check(NativeMethods.mqttlink_options_new_for(
                Text.Required(host, nameof(host)), Limits.Short(port, nameof(port)), out var handle));
            Handle = handle;
        }

        internal MqttClientOptions(BrokerHandle broker)
        {
            MqttException.Check(NativeMethods.mqttlink_options_new_in_process(broker, out var handle));
            Handle = handle;
        }

        internal OptionsHandle Handle { get; }

        internal MqttAcknowledge Acknowledge { get; private set; } = MqttAcknowledge.WhenHandled;

        internal bool Pulls { get; private set; }

        internal bool Traces { get; private set; }

        internal MqttReconnectPolicy Reconnect { get; private set; }

        internal Func<string, int, TimeSpan, Stream> Transport { get; private set; }

        internal string AuthenticationMethod { get; private set; }

        internal byte[] AuthenticationData { get; private set; }

        internal IMqttAuthenticator Authenticator { get; private set; }

        /// <summary>The protocol version. Default: MQTT 5.0.</summary>
        public MqttClientOptions WithProtocol(MqttProtocol protocol)
        {
            return After(NativeMethods.mqttlink_options_set_version(Handle, (int)protocol));
        }

        /// <summary>
        /// The client identifier, at most 65,535 bytes. Default: empty, and the server assigns one; for MQTT 3.1
        /// one is made up. A session that outlives the connection needs one.
        /// </summary>
        public MqttClientOptions WithClientId(string id)
        {
            return After(NativeMethods.mqttlink_options_set_client_id(Handle, Text.Required(id, nameof(id))));
        }

        /// <summary>User name and password; null leaves either as the URL has it.</summary>
        public MqttClientOptions WithCredentials(string userName, string password)
        {
            return After(NativeMethods.mqttlink_options_set_credentials(
                Handle, Text.ToNative(userName, nameof(userName)), Text.ToNative(password, nameof(password))));
        }

        /// <summary>The password, any bytes, at most 65,535. Before MQTT 5.0 it needs a user name.</summary>
        public unsafe MqttClientOptions WithPassword(byte[] password)
        {
            var length = (password ?? throw new ArgumentNullException(nameof(password))).Length;
            fixed (byte* data = password)
            {
                return After(NativeMethods.mqttlink_options_set_password(Handle, data, NativeMethods.Size(length)));
            }
        }

        /// <summary>
        /// Whether <see cref="MqttClient.Connect"/> begins a new session (Clean Start; Clean Session before MQTT
        /// 5.0). <see cref="MqttClient.Reconnect"/> always tries to go on. Default: true.
        /// </summary>
        public MqttClientOptions WithCleanStart(bool clean)
        {
            return After(NativeMethods.mqttlink_options_set_clean_start(Handle, clean));
        }

        /// <summary>
        /// How many seconds the session outlives the connection; 4,294,967,295 is for ever. MQTT 5.0 only; before,
        /// a session without a clean start lasts for ever. Default: 0.
        /// </summary>
        public MqttClientOptions WithSessionExpiry(uint seconds)
        {
            return After(NativeMethods.mqttlink_options_set_session_expiry(Handle, seconds));
        }

        /// <summary>
        /// The longest silence on the connection, rounded up to seconds, at most 65,535; zero turns keep alive
        /// off. The server may change it in MQTT 5.0. Default: 60 s.
        /// </summary>
        public MqttClientOptions WithKeepAlive(TimeSpan keepAlive)
        {
            return After(NativeMethods.mqttlink_options_set_keep_alive(
                Handle, Limits.Seconds(keepAlive, nameof(keepAlive))));
        }

        /// <summary>
        /// How long the answer to a PINGREQ may take. A dead peer is noticed after at most keep alive plus this
        /// time. Default: 10 s.
        /// </summary>
        public MqttClientOptions WithPingTimeout(TimeSpan timeout)
        {
            return After(NativeMethods.mqttlink_options_set_ping_timeout(
                Handle, Limits.Setting(timeout, nameof(timeout))));
        }

        /// <summary>
        /// The message that the server publishes when the connection is lost. Its payload has at most 65,535 bytes;
        /// its properties, of MQTT 5.0, are the payload format indicator, message expiry interval, content type,
        /// response topic, correlation data, will delay interval and user properties. Default: none.
        /// </summary>
        public unsafe MqttClientOptions WithWill(MqttPublication will)
        {
            var payload = (will ?? throw new ArgumentNullException(nameof(will))).Payload;
            using (var properties = MqttProperties.ToNative(will.Properties))
            {
                fixed (byte* data = payload.Array)
                {
                    return After(NativeMethods.mqttlink_options_set_will(
                        Handle, Text.ToNative(will.Topic, "topic"), data + payload.Offset,
                        NativeMethods.Size(payload.Count), (int)will.QoS, will.Retain,
                        properties?.Pointer ?? IntPtr.Zero));
                }
            }
        }

        /// <summary>
        /// How many messages of QoS 1 and 2 may await this client's acknowledgement, 1 to 65,535. MQTT 5.0 only.
        /// Default: 65,535.
        /// </summary>
        public MqttClientOptions WithReceiveMaximum(int maximum)
        {
            return After(NativeMethods.mqttlink_options_set_receive_maximum(
                Handle, Limits.Short(maximum, nameof(maximum))));
        }

        /// <summary>
        /// The largest packet this client takes, in bytes. In MQTT 5.0 the server is told and leaves larger messages
        /// out; before, a larger packet ends the connection. Default: 16 MiB.
        /// </summary>
        public MqttClientOptions WithMaximumPacketSize(uint bytes)
        {
            return After(NativeMethods.mqttlink_options_set_maximum_packet_size(Handle, bytes));
        }

        /// <summary>How many topic aliases the server may use. MQTT 5.0 only. Default: 0.</summary>
        public MqttClientOptions WithTopicAliasMaximum(int maximum)
        {
            return After(NativeMethods.mqttlink_options_set_topic_alias_maximum(
                Handle, Limits.Short(maximum, nameof(maximum))));
        }

        /// <summary>
        /// How many topic aliases this client assigns by itself, if the server takes that many. MQTT 5.0 only.
        /// Default: 0.
        /// </summary>
        public MqttClientOptions WithTopicAliases(int count)
        {
            return After(NativeMethods.mqttlink_options_set_topic_aliases(
                Handle, Limits.Short(count, nameof(count))));
        }

        /// <summary>Asks the server for the basis of response topics. MQTT 5.0 only. Default: false.</summary>
        public MqttClientOptions WithRequestResponseInformation(bool wanted)
        {
            return After(NativeMethods.mqttlink_options_set_request_response_information(Handle, wanted));
        }

        /// <summary>
        /// Whether the server may explain failures with reason strings and user properties. MQTT 5.0 only.
        /// Default: true.
        /// </summary>
        public MqttClientOptions WithRequestProblemInformation(bool wanted)
        {
            return After(NativeMethods.mqttlink_options_set_request_problem_information(Handle, wanted));
        }

        /// <summary>Adds a user property to CONNECT. MQTT 5.0 only.</summary>
        public MqttClientOptions WithUserProperty(string name, string value)
        {
            return After(NativeMethods.mqttlink_options_add_user_property(
                Handle, Text.Required(name, nameof(name)), Text.Required(value, nameof(value))));
        }

        /// <summary>
        /// Speaks TLS with these settings, which are copied. An <c>mqtts</c> URL speaks TLS also without. Files
        /// are read, and errors in them reported, when a client is made.
        /// </summary>
        public MqttClientOptions WithTls(MqttTlsOptions tls)
        {
            var handle = (tls ?? throw new ArgumentNullException(nameof(tls))).Handle;
            return After(NativeMethods.mqttlink_options_set_tls(Handle, handle));
        }

        /// <summary>
        /// Carries the packets over streams of the program's own instead of TCP and TLS: an <c>SslStream</c> with a
        /// key that is not to be exported, a tunnel, a proxy, a serial line. The URL must not ask for TLS, which is the
        /// stream's own affair; <see cref="WithResolver"/> and the options of sockets are not used.
        /// </summary>
        /// <param name="open">
        /// Called for each connection, on a thread of its own, with the host and the port of the options and the time
        /// that is left for it. What it throws fails the attempt and is the <c>InnerException</c>; a stream that comes
        /// too late is disposed. One thread reads the stream while others, one at a time, write. It is disposed once,
        /// from any thread: reads and writes that wait have to return then, as those of sockets, pipes and
        /// <c>SslStream</c> do.
        /// </param>
        public MqttClientOptions WithTransport(Func<string, int, TimeSpan, Stream> open)
        {
            Transport = open ?? throw new ArgumentNullException(nameof(open));
            return this;
        }

        /// <summary>
        /// Enhanced authentication (MQTT 5.0, section 4.12): SCRAM, Kerberos, or a scheme of one's own. One
        /// authenticator serves every client that is made with these options, on the threads that connect.
        /// </summary>
        public MqttClientOptions WithAuthenticator(IMqttAuthenticator authenticator)
        {
            Authenticator = authenticator ?? throw new ArgumentNullException(nameof(authenticator));
            AuthenticationMethod = Authenticator.Method;
            return this;
        }

        /// <summary>
        /// Enhanced authentication whose challenges are answered in <see cref="MqttClient.Authentication"/>.
        /// MQTT 5.0 only.
        /// </summary>
        /// <param name="method">The name of the method, such as "SCRAM-SHA-256".</param>
        /// <param name="data">What CONNECT carries; null for nothing.</param>
        public MqttClientOptions WithAuthentication(string method, byte[] data)
        {
            AuthenticationMethod = method ?? throw new ArgumentNullException(nameof(method));
            AuthenticationData = (byte[])data?.Clone();
            Authenticator = null;
            return this;
        }

        /// <summary>
        /// Has the client connect again by itself when a connection is lost. Null, which is the default: it does
        /// not.
        /// </summary>
        public MqttClientOptions WithReconnect(MqttReconnectPolicy policy)
        {
            Reconnect = policy;
            return this;
        }

        private MqttClientOptions After(MqttStatus status)
        {
            MqttException.Check(status);
            return this;
        }
    }
}
