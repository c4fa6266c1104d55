using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// An MQTT client. Every method may be called on every thread, and inside every handler, also those that wait.
    /// Every wait has a deadline, and ends when the connection ends or the client is disposed.
    ///
    /// Events and handlers run on the client's dispatcher thread, one at a time, in the order of what happened. What
    /// they throw goes to <see cref="HandlerError"/>. A client that nothing refers to any more is collected, which
    /// ends its connection: keep a reference as long as it is to receive.
    /// </summary>
    public sealed partial class MqttClient : IDisposable
    {
        private readonly ClientHandle handle;
        private readonly MqttAcknowledge acknowledge;
        private readonly bool pulls;
        private readonly StreamTransport transport;
        private readonly Supervisor supervisor;

        /// <summary>Makes a client for a URL, with the default of everything. Nothing is sent yet.</summary>
        public MqttClient(string url) : this(new MqttClientOptions(url))
        {
        }

        /// <summary>
        /// Makes a client. Nothing is sent yet; files named in the TLS settings are read. The options may be used
        /// again.
        /// </summary>
        /// <exception cref="ArgumentException">The options do not go together.</exception>
        /// <exception cref="MqttException">A certificate or key cannot be used.</exception>
        public MqttClient(MqttClientOptions options)
        {
            acknowledge = (options ?? throw new ArgumentNullException(nameof(options))).Acknowledge;
            pulls = options.Pulls;
            authenticator = options.Authenticator;
            authenticationMethod = options.AuthenticationMethod;
            authenticationData = options.AuthenticationData;
            published = new PendingAnswers<MqttPublishResult>(this);
            subscribed = new PendingAnswers<MqttResults>(this);
            unsubscribed = new PendingAnswers<MqttResults>(this);
            backlog = new PublishBacklog(PostNative, published);
            events = new Events(this);
            supervisor = options.Reconnect == null ? null : new Supervisor(this, options.Reconnect);
            transport = options.Transport == null ? null : new StreamTransport(options.Transport);
            handle = ClientCallbacks.NewClient(options, events, !options.Pulls, transport);
        }

        /// <summary>Where the client stands. Never blocks.</summary>
        public MqttClientState State => NativeMethods.mqttlink_client_state(handle);

        /// <summary>
        /// Whether the server has accepted the connection and it is not being ended. Never blocks. A connection can
        /// be dead without anybody having noticed yet: see <see cref="MqttClientOptions.WithPingTimeout"/>.
        /// </summary>
        public bool IsConnected => NativeMethods.mqttlink_client_is_connected(handle);

        /// <summary>What the server granted when it last accepted a connection; null if it never has.</summary>
        public MqttConnection Connection
        {
            get
            {
                var status = NativeMethods.mqttlink_client_granted(handle, out var granted);
                if (status == MqttStatus.NotFound)
                {
                    return null;
                }
                MqttException.Check(status);
                return Take(granted);
            }
        }

        /// <summary>
        /// Why the last connection ended, or the last attempt failed; null if this side ended it or there was none.
        /// </summary>
        public MqttException LastError
        {
            get
            {
                var status = NativeMethods.mqttlink_client_last_error(handle);
                return status == MqttStatus.Ok ? null : MqttException.Last(status);
            }
        }

        /// <summary>Counts since the client was made, and how much waits. Does not wait for the network.</summary>
        public MqttStatistics GetStatistics()
        {
            return MqttStatistics.Of(handle);
        }

        /// <summary>
        /// Connects, and blocks until the server has answered, at most the connect timeout; <see cref="Abort"/>,
        /// <see cref="Disconnect()"/> and <see cref="Dispose"/> from elsewhere wake it. Begins a new session unless
        /// <see cref="MqttClientOptions.WithCleanStart"/> says otherwise. After a failure nothing is left behind.
        /// </summary>
        /// <exception cref="MqttException">
        /// The server refused (<see cref="MqttException.Reason"/>), or could not be reached.
        /// </exception>
        public MqttConnection Connect()
        {
            supervisor?.Stop();
            return Established(NativeMethods.mqttlink_client_connect(handle, out var granted), granted);
        }

        /// <summary>
        /// Connects again, to go on with the session: in MQTT 5.0 without a clean start, and with the client
        /// identifier that the server assigned. Messages in flight are sent again. Blocks as
        /// <see cref="Connect"/>, and may be called in every handler.
        /// </summary>
        /// <exception cref="MqttException">As <see cref="Connect"/>.</exception>
        public MqttConnection Reconnect()
        {
            supervisor?.Stop();
            return ReconnectOnce();
        }

        /// <summary>
        /// Authenticates anew on the live connection (MQTT 5.0, section 4.12.1). Other traffic goes on. Blocks for
        /// at most the response timeout. If it fails, the connection is ended.
        /// </summary>
        /// <exception cref="MqttException">It failed, or there is no authenticator.</exception>
        public void ReAuthenticate()
        {
            CheckAuthenticated(NativeMethods.mqttlink_client_re_authenticate(handle));
        }

        /// <summary>
        /// Ends the connection: waits until everything is sent and acknowledged, at most the drain timeout, sends
        /// DISCONNECT, and waits until both threads are gone. The server discards the will. If not everything could
        /// be sent, the connection is cut without DISCONNECT.
        /// </summary>
        /// <exception cref="MqttException">
        /// <see cref="MqttStatus.TimeoutDrain"/>, or the connection was lost before.
        /// </exception>
        public void Disconnect()
        {
            supervisor?.Stop();
            MqttException.Check(NativeMethods.mqttlink_client_disconnect(handle));
        }

        /// <summary><see cref="Disconnect()"/> with everything that can be said.</summary>
        /// <param name="drain">How long to wait until everything is sent and acknowledged.</param>
        /// <param name="reason">
        /// A reason that a client may send; <see cref="MqttReason.DisconnectWithWill"/> has the server publish the
        /// will, before MQTT 5.0 by leaving DISCONNECT out.
        /// </param>
        /// <param name="properties">
        /// Reason string, session expiry interval, user properties, of MQTT 5.0; null for none.
        /// </param>
        /// <returns>What was left: not sent, or not acknowledged.</returns>
        public MqttDrained Disconnect(
            TimeSpan drain, MqttReason reason = MqttReason.Success, MqttProperties properties = null)
        {
            supervisor?.Stop();
            var milliseconds = Limits.Milliseconds(drain, nameof(drain));
            using (var list = MqttProperties.ToNative(properties))
            {
                var status = NativeMethods.mqttlink_client_disconnect_with(
                    handle, milliseconds, (int)reason, list?.Pointer ?? IntPtr.Zero, out var drained);
                using (drained)
                {
                    MqttException.Check(status);
                    return MqttDrained.From(drained);
                }
            }
        }

        /// <summary>
        /// Ends the connection at once, without DISCONNECT, so that the server publishes the will; or ends the
        /// attempt to make one. Does nothing without a connection.
        /// </summary>
        public void Abort()
        {
            supervisor?.Stop();
            MqttException.Check(NativeMethods.mqttlink_client_abort(handle));
        }

        /// <summary>
        /// Wakes every call that waits in this client, on whatever thread: they fail with
        /// <see cref="MqttStatus.Interrupted"/>. An attempt to connect is given up, a connection stays as it is. If
        /// no call waits, the next one that would wait fails instead.
        /// </summary>
        public void Interrupt()
        {
            MqttException.Check(NativeMethods.mqttlink_client_interrupt(handle));
        }

        /// <summary>
        /// Frees the client at any moment, on any thread, also inside its own handlers. What was accepted for
        /// sending is written, for at most a second; then the connection is closed without DISCONNECT, so that the
        /// server publishes the will: call <see cref="Disconnect()"/> before to say goodbye. Calls that wait on other
        /// threads return. When it returns, no handler runs any more; inside a handler, that one is the last.
        /// </summary>
        public void Dispose()
        {
            supervisor?.Stop();
            handle.Free();
            handle.Dispose();
            published.Close();
            subscribed.Close();
            unsubscribed.Close();
        }

        /// <summary>One attempt to connect again, without ending those that the client makes by itself.</summary>
        internal MqttConnection ReconnectOnce()
        {
            return Established(NativeMethods.mqttlink_client_reconnect(handle, out var granted), granted);
        }

        private static MqttConnection Take(GrantedHandle granted)
        {
            using (granted)
            {
                return MqttConnection.From(granted.Pointer);
            }
        }

        // What the program's own transport has thrown is the reason behind the library's.
        private void CheckTransport(MqttStatus status)
        {
            var cause = status == MqttStatus.Ok ? null : transport?.TakeThrown();
            if (cause != null)
            {
                throw MqttException.Last(status).Because(cause);
            }
        }

        private MqttException BecauseOfTransport(MqttException error)
        {
            var cause = error == null ? null : transport?.TakeThrown();
            return cause == null ? error : error.Because(cause);
        }

        private MqttConnection Established(MqttStatus status, GrantedHandle granted)
        {
            using (granted)
            {
                CheckTransport(status);
                CheckAuthenticated(status);
                return MqttConnection.From(granted.Pointer);
            }
        }
    }
}
