using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using MqttLink.Interop;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>One client of the library: one session, over one connection after another. Its callbacks run on the
    /// library's thread and only pass on.</summary>
    internal sealed class Link : IClientEvents
    {
        private readonly Core core;
        private readonly object accepting = new object();
        private int returned;
        private int told;
        private int accepted;
        private int refusalsReturned;
        private int refusalsTold;
        private int refusals;
        private int opened;
        private int ended;
        private int swallow;
        private int retired;

        internal Link(Core core, ConnectPlan plan, Exchange exchange, OptionsHandle options)
        {
            this.core = core;
            Identity = plan.Identity;
            Plan = plan;
            Exchange = exchange;
            bool packets = plan.ShowsPackets || plan.IsAuthenticationFlow;
            Handle = ClientCallbacks.NewClient(options, this, true, packets, null);
        }

        internal ClientHandle Handle { get; }

        internal string Identity { get; }

        internal ConnectPlan Plan { get; private set; }

        internal Exchange Exchange { get; private set; }

        /// <summary>What was handed to the library and has no outcome yet. Under the core's lock.</summary>
        internal Dictionary<ulong, Request> Requests { get; } = new Dictionary<ulong, Request>();

        /// <summary>Set when CONNECT has been sent; of an authentication flow only.</summary>
        internal ManualResetEvent ConnectSent { get; } = new ManualResetEvent(false);

        internal bool IsConnected
        {
            get
            {
                try
                {
                    return NativeMethods.mqttlink_client_is_connected(Handle);
                }
                catch (ObjectDisposedException)
                {
                    return false;
                }
            }
        }

        internal bool IsIdle
        {
            get
            {
                return Ask(NativeMethods.mqttlink_client_state, MqttClientState.Disconnected)
                    == MqttClientState.Disconnected;
            }
        }

        /// <summary>Whether the connection is being ended: neither connected nor idle.</summary>
        internal bool IsEnding
        {
            get
            {
                return Ask(NativeMethods.mqttlink_client_state, MqttClientState.Disconnected)
                    == MqttClientState.Disconnecting;
            }
        }

        /// <summary>Whether the program has closed the client since it began to connect.</summary>
        internal bool IsCut { get; private set; }

        /// <summary>Whether the connection is a reconnect of the client's own.</summary>
        internal bool IsResuming { get; private set; }

        /// <summary>Whether there is a connection whose end the library has not told yet.</summary>
        internal bool IsOpen
        {
            get { return opened > ended; }
        }

        /// <summary>Whether the end of a connection has not been told yet.</summary>
        internal bool OwesClosed
        {
            get { return opened > Math.Max(ended, swallow); }
        }

        /// <summary>Whether it was given up for a connection that has come after it.</summary>
        internal bool IsReplaced
        {
            get { return IsRetired && !IsCut; }
        }

        private bool IsRetired
        {
            get { return Volatile.Read(ref retired) != 0; }
        }

        /// <summary>Whether what comes now belongs to a connection that was closed.</summary>
        internal bool IsMuted
        {
            get { return IsRetired || ended < swallow; }
        }

        internal void Reconfigure(ConnectPlan plan, Exchange exchange, OptionsHandle options)
        {
            MqttException.Check(NativeMethods.mqttlink_client_reconfigure(Handle, options));
            Plan = plan;
            Exchange = exchange;
            ConnectSent.Reset();
            IsCut = false;
        }

        /// <summary>Connects, and waits for the answer. An error if that fails, or the client is closed
        /// meanwhile.</summary>
        internal MqttException Connect(bool resume)
        {
            IsResuming = resume;
            GrantedHandle granted = null;
            MqttException error = Try(() => resume
                ? NativeMethods.mqttlink_client_reconnect(Handle, out granted)
                : NativeMethods.mqttlink_client_connect(Handle, out granted));
            using (granted)
            {
                if (error != null)
                {
                    Refuse(ref refusalsReturned, error);
                    return error;
                }

                Accept(ref returned, granted.Pointer);
            }

            if (!IsCut)
            {
                return null;
            }

            Abort();
            return ClosedMeanwhile();
        }

        /// <summary>Sends DISCONNECT after what was accepted before, and ends the connection.</summary>
        internal MqttException Disconnect(long milliseconds)
        {
            return Try(() =>
            {
                DrainedHandle drained;
                MqttStatus status = NativeMethods.mqttlink_client_disconnect_with(
                    Handle, milliseconds, 0, IntPtr.Zero, out drained);
                drained?.Dispose();
                return status == MqttStatus.TimeoutDrain ? MqttStatus.Ok : status;
            });
        }

        /// <summary>Begins a new authentication exchange, and waits for its end.</summary>
        internal MqttException ReAuthenticate()
        {
            return Try(() => NativeMethods.mqttlink_client_re_authenticate(Handle));
        }

        /// <summary>Counts a connection that has come about. Under the core's lock.</summary>
        internal void CountOpened()
        {
            opened++;
        }

        /// <summary>Counts a connection that has ended. True if that is to be told. Under the core's lock.</summary>
        internal bool CountEnded()
        {
            return swallow < ++ended;
        }

        /// <summary>Nothing of the connections so far is told any more, nor of one that is being made. Under the core's
        /// lock.</summary>
        internal void Cut()
        {
            IsCut = true;
            swallow = opened;
        }

        /// <summary>Cuts the connection, and wakes whoever waits for it.</summary>
        internal void Abort()
        {
            Exchange?.Cancel();
            Ask(NativeMethods.mqttlink_client_abort, MqttStatus.Ok);
        }

        /// <summary>Frees the client; nothing comes from it any more.</summary>
        internal void Retire()
        {
            if (Interlocked.Exchange(ref retired, 1) != 0)
            {
                return;
            }

            core.Dispatch.Stir();
            Abort();
            Handle.Free();
            Handle.Dispose();
        }

        /// <summary>Hands a request to the library. False if there is no room or no connection at the
        /// moment.</summary>
        /// <exception cref="MqttException">It cannot be sent at all.</exception>
        internal bool TrySend(Request request)
        {
            MqttStatus status = request.Kind == RequestKind.Publish ? Publish(request)
                : request.Kind == RequestKind.Subscribe ? Subscribe(request)
                : Unsubscribe(request);
            switch (status)
            {
                case MqttStatus.Ok:
                    Requests.Add(request.NativeId, request);
                    return true;
                case MqttStatus.NotConnected:
                case MqttStatus.WindowFull:
                case MqttStatus.BufferFull:
                case MqttStatus.NoPacketId:
                case MqttStatus.TimeoutRoom:
                case MqttStatus.Closed:
                    return false;
                default:
                    MqttException error = MqttException.Last(status);
                    if (error.IsFull || error.IsDisconnected)
                    {
                        return false;
                    }

                    throw error;
            }
        }

        public void OnMessage(IntPtr message)
        {
            if (!IsMuted)
            {
                MqttMsgPublishDetailedEventArgs arguments = Translation.Message(message);
                int round = ended;
                core.Dispatch.PostMessage("MqttMsgPublishReceived",
                    arguments.Message.Length + arguments.Topic.Length, () => !IsRetired && swallow <= round,
                    () => core.Events.OnMessage(arguments));
            }
        }

        public void OnConnected(IntPtr granted)
        {
            Accept(ref told, granted);
            MqttMsgConnack message = Translation.Accepted(granted);
            core.Tell(this, "ConnectionOpened", () => core.Events.OnOpened(message));
        }

        public void OnConnectFailed(IntPtr error)
        {
            Refuse(ref refusalsTold, MqttException.From(error));
        }

        public void OnDisconnected(IntPtr error)
        {
            core.Ended(this, error == IntPtr.Zero ? null : MqttException.From(error));
        }

        public void OnServerDisconnect(IntPtr error)
        {
            MqttMsgDisconnect message = Translation.Disconnect(MqttException.From(error));
            core.Tell(this, "ConnectionClosedRequest", () => core.Events.OnCloseRequested(message));
        }

        public void OnPublished(ulong id, IntPtr error, int reason)
        {
            MqttException failure = MqttException.From(error);
            int code = failure != null ? Translation.ReasonOf(failure) : Math.Max(reason, 0);
            core.Completed(this, id, failure, new[] { code }, failure?.ReasonString);
        }

        public void OnSubscribed(ulong id, IntPtr error, IntPtr results)
        {
            Answered(id, error, results);
        }

        public void OnUnsubscribed(ulong id, IntPtr error, IntPtr results)
        {
            Answered(id, error, results);
        }

        public void OnPacket(IntPtr packet)
        {
            bool sent = NativeMethods.mqttlink_packet_direction(packet) == MqttDirection.Sent;
            if (sent && !ConnectSent.WaitOne(0))
            {
                ConnectSent.Set();
            }

            if (Plan.ShowsPackets && !IsRetired)
            {
                core.Events.OnPacket(Text.FromNative(NativeMethods.mqttlink_packet_text(packet)));
            }
        }

        public void OnHandlerError(Exception exception)
        {
            core.Events.OnHandlerException("mqttlink", exception);
        }

        // Exchanges have callbacks of their own, see Exchange.
        public byte[] OnAuthenticationStart()
        {
            return null;
        }

        public byte[] OnAuthenticationChallenge(byte[] challenge)
        {
            return null;
        }

        public void OnAuthenticationFinish(byte[] data)
        {
        }

        public void OnAuthenticationError(Exception exception)
        {
        }

        public void OnMessage(long subscription, IntPtr message)
        {
            OnMessage(message);
        }

        public void OnHandlerDropped(long subscription)
        {
        }

        /// <summary>A connection is accepted when the library says so, by an event or by returning: whichever comes
        /// first. Both count the same connections.</summary>
        private void Accept(ref int count, IntPtr granted)
        {
            lock (accepting)
            {
                if (++count > accepted)
                {
                    accepted = count;
                    core.Accepted(this, Text.FromNative(NativeMethods.mqttlink_granted_client_id(granted)),
                        NativeMethods.mqttlink_granted_session_present(granted));
                }
            }
        }

        /// <summary>A refusal too is told when the library says so first, so that it is told although the program connects
        /// anew at once.</summary>
        private void Refuse(ref int count, MqttException failure)
        {
            if (failure == null || failure.Status != MqttStatus.Refused)
            {
                return;
            }

            lock (accepting)
            {
                if (++count > refusals)
                {
                    refusals = count;
                    MqttMsgConnack message = Translation.Refused(failure, Plan.IsV5);
                    core.Tell(this, "ConnectionOpened", () => core.Events.OnOpened(message));
                }
            }
        }

        /// <summary>Asks the library, unless another thread frees the client.</summary>
        private T Ask<T>(Func<ClientHandle, T> question, T otherwise)
        {
            try
            {
                return question(Handle);
            }
            catch (ObjectDisposedException)
            {
                return otherwise;
            }
        }

        private static MqttException Try(Func<MqttStatus> call)
        {
            try
            {
                MqttStatus status = call();
                return status == MqttStatus.Ok ? null : MqttException.Last(status);
            }
            catch (ObjectDisposedException)
            {
                return ClosedMeanwhile();
            }
        }

        private static MqttException ClosedMeanwhile()
        {
            return MqttException.Local(MqttStatus.Closed, "the client was closed by another thread");
        }

        private void Answered(ulong id, IntPtr error, IntPtr results)
        {
            string reason = null;
            int[] codes = results == IntPtr.Zero ? null : Translation.Results(results, out reason);
            core.Completed(this, id, MqttException.From(error), codes, reason);
        }

        private unsafe MqttStatus Publish(Request request)
        {
            using (PropertiesHandle properties = MqttProperties.ToNative(request.Properties))
            {
                fixed (byte* data = request.Payload)
                {
                    return NativeMethods.mqttlink_client_publish_event_timeout(Handle,
                        Text.Required(request.Topic, "topic"), data, NativeMethods.Size(request.Payload.Length),
                        request.Qos, request.Retain, properties == null ? IntPtr.Zero : properties.Pointer, 0,
                        out request.NativeId);
                }
            }
        }

        private MqttStatus Subscribe(Request request)
        {
            using (SubscriptionHandle subscription = NativeMethods.mqttlink_subscription_new())
            {
                for (int i = 0; i < request.Filters.Length; i++)
                {
                    MqttException.Check(NativeMethods.mqttlink_subscription_add(
                        subscription, Text.Required(request.Filters[i], "topics"), (int)request.Levels[i]));
                }

                return NativeMethods.mqttlink_client_subscribe_event(Handle, subscription, out request.NativeId);
            }
        }

        private MqttStatus Unsubscribe(Request request)
        {
            GCHandle[] pins = request.Filters
                .Select(filter => GCHandle.Alloc(Text.Required(filter, "topics"), GCHandleType.Pinned))
                .ToArray();
            try
            {
                IntPtr[] filters = pins.Select(pin => pin.AddrOfPinnedObject()).ToArray();
                return NativeMethods.mqttlink_client_unsubscribe_event(
                    Handle, filters, NativeMethods.Size(filters.Length), IntPtr.Zero, out request.NativeId);
            }
            finally
            {
                foreach (GCHandle pin in pins)
                {
                    pin.Free();
                }
            }
        }
    }
}
