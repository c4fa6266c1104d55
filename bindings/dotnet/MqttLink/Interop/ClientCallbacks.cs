using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    /// <summary>What a client is told. Pointers are the library's and live until the call returns.</summary>
    internal interface IClientEvents
    {
        void OnMessage(IntPtr message);

        /// <summary>A message for the handler of one subscription.</summary>
        void OnMessage(long subscription, IntPtr message);

        /// <summary>Nothing will come for the handler of this subscription any more.</summary>
        void OnHandlerDropped(long subscription);

        void OnConnected(IntPtr granted);

        void OnConnectFailed(IntPtr error);

        void OnDisconnected(IntPtr error);

        void OnServerDisconnect(IntPtr error);

        void OnPublished(ulong id, IntPtr error, int reason);

        void OnSubscribed(ulong id, IntPtr error, IntPtr results);

        void OnUnsubscribed(ulong id, IntPtr error, IntPtr results);

        void OnPacket(IntPtr packet);

        /// <summary>The data that begins an authentication; null for none.</summary>
        byte[] OnAuthenticationStart();

        /// <summary>The data that answers a challenge; null for none.</summary>
        byte[] OnAuthenticationChallenge(byte[] challenge);

        void OnAuthenticationFinish(byte[] data);

        /// <summary>One of the three methods above has thrown; the exchange is given up.</summary>
        void OnAuthenticationError(Exception exception);

        /// <summary>One of the other methods has thrown.</summary>
        void OnHandlerError(Exception exception);
    }

    /// <summary>
    /// What callbacks find their client by. It does not keep the client alive: one that nobody has disposed and
    /// nobody refers to is collected, and its handle frees it.
    /// </summary>
    internal sealed class ClientLink
    {
        private readonly WeakReference<IClientEvents> client;

        internal ClientLink(IClientEvents client, long subscription = 0)
        {
            this.client = new WeakReference<IClientEvents>(client);
            Subscription = subscription;
        }

        internal long Subscription { get; }

        /// <summary>The client behind the user pointer of a callback; null if it is no longer there.</summary>
        internal static IClientEvents Client(IntPtr user, out long subscription)
        {
            subscription = 0;
            if (RunningHandles.Exiting)
            {
                return null;
            }
            var link = (ClientLink)GCHandle.FromIntPtr(user).Target;
            subscription = link.Subscription;
            return link.client.TryGetTarget(out var client) ? client : null;
        }
    }

    /// <summary>
    /// The functions that the library calls for a client: made once, so that they are never collected. Nothing
    /// that a program throws gets out of them.
    /// </summary>
    internal static class ClientCallbacks
    {
        internal static readonly MessageFunction Message = OnMessage;
        internal static readonly MessageFunction SubscriptionMessage = OnSubscriptionMessage;
        internal static readonly FreeFunction FreeSubscription = OnFreeSubscription;
        internal static readonly ConnectedFunction Connected = OnConnected;
        internal static readonly ErrorFunction ConnectFailed = OnConnectFailed;
        internal static readonly ErrorFunction Disconnected = OnDisconnected;
        internal static readonly ErrorFunction ServerDisconnect = OnServerDisconnect;
        internal static readonly PublishedFunction Published = OnPublished;
        internal static readonly ResultsFunction Subscribed = OnSubscribed;
        internal static readonly ResultsFunction Unsubscribed = OnUnsubscribed;
        internal static readonly PacketFunction Packet = OnPacket;

        /// <summary>
        /// Makes a client whose callbacks go to <paramref name="events"/>. Without <paramref name="messages"/>,
        /// messages wait for mqttlink_client_receive.
        /// </summary>
        internal static ClientHandle NewClient(
            MqttClientOptions options, IClientEvents events, bool messages, StreamTransport transport)
        {
            // Other clients may be made with the same options at the same time.
            lock (options.Handle)
            {
                transport?.Register(options.Handle);
                return NewClient(options.Handle, events, messages, options.Traces, options.AuthenticationMethod);
            }
        }

        /// <summary>
        /// As the other one. Packets are shown with <paramref name="traces"/>, and challenges answered by
        /// <paramref name="events"/> where there is a <paramref name="method"/>.
        /// </summary>
        internal static ClientHandle NewClient(
            OptionsHandle options, IClientEvents events, bool messages, bool traces, string method)
        {
            var user = GCHandle.Alloc(new ClientLink(events));
            var made = false;
            try
            {
                ClientHandle client;
                lock (options)
                {
                    Register(options, GCHandle.ToIntPtr(user), messages, traces, method);
                    MqttException.Check(NativeMethods.mqttlink_client_new(options, out client));
                }
                client.Own(user);
                made = true;
                return client;
            }
            finally
            {
                if (!made)
                {
                    user.Free();
                }
            }
        }

        private static void Register(
            OptionsHandle options, IntPtr user, bool messages, bool traces, string method)
        {
            var message = messages ? Message : null;
            var packet = traces ? Packet : null;
            if (method != null)
            {
                AuthenticationCallbacks.Register(options, method, user);
            }
            MqttException.Check(NativeMethods.mqttlink_options_on_message(options, message, user, null));
            MqttException.Check(NativeMethods.mqttlink_options_on_packet(options, packet, user, null));
            MqttException.Check(NativeMethods.mqttlink_options_on_connected(options, Connected, user, null));
            MqttException.Check(
                NativeMethods.mqttlink_options_on_connect_failed(options, ConnectFailed, user, null));
            MqttException.Check(
                NativeMethods.mqttlink_options_on_disconnected(options, Disconnected, user, null));
            MqttException.Check(
                NativeMethods.mqttlink_options_on_server_disconnect(options, ServerDisconnect, user, null));
            MqttException.Check(NativeMethods.mqttlink_options_on_published(options, Published, user, null));
            MqttException.Check(NativeMethods.mqttlink_options_on_subscribed(options, Subscribed, user, null));
            MqttException.Check(
                NativeMethods.mqttlink_options_on_unsubscribed(options, Unsubscribed, user, null));
        }

        private static void Report(IClientEvents client, Exception exception)
        {
            try
            {
                client?.OnHandlerError(exception);
            }
            catch
            {
                // The handler of errors has failed; there is nobody left to tell.
            }
        }

        /// <summary>What does not come by the million: tells the client, and contains what it throws.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Run(IntPtr user, IntPtr handle, Action<IClientEvents> tell)
        {
            RunningHandles.Current = handle;
            IClientEvents client = null;
            try
            {
                client = ClientLink.Client(user, out _);
                if (client != null)
                {
                    tell(client);
                }
            }
            catch (Exception exception)
            {
                Report(client, exception);
            }
        }

        private static void OnMessage(IntPtr user, IntPtr handle, IntPtr message)
        {
            IClientEvents client = null;
            RunningHandles.Current = handle;
            try
            {
                client = ClientLink.Client(user, out _);
                client?.OnMessage(message);
            }
            catch (Exception exception)
            {
                Report(client, exception);
            }
            DeadStack.Clear();
        }

        private static void OnSubscriptionMessage(IntPtr user, IntPtr handle, IntPtr message)
        {
            IClientEvents client = null;
            RunningHandles.Current = handle;
            try
            {
                client = ClientLink.Client(user, out var subscription);
                client?.OnMessage(subscription, message);
            }
            catch (Exception exception)
            {
                Report(client, exception);
            }
            DeadStack.Clear();
        }

        private static void OnFreeSubscription(IntPtr user)
        {
            IClientEvents client = null;
            try
            {
                client = ClientLink.Client(user, out var subscription);
                client?.OnHandlerDropped(subscription);
                GCHandle.FromIntPtr(user).Free();
            }
            catch (Exception exception)
            {
                Report(client, exception);
            }
            DeadStack.Clear();
        }

        private static void OnConnected(IntPtr user, IntPtr handle, IntPtr granted)
        {
            Run(user, handle, client => client.OnConnected(granted));
            DeadStack.Clear();
        }

        private static void OnConnectFailed(IntPtr user, IntPtr handle, IntPtr error)
        {
            Run(user, handle, client => client.OnConnectFailed(error));
            DeadStack.Clear();
        }

        private static void OnDisconnected(IntPtr user, IntPtr handle, IntPtr error)
        {
            Run(user, handle, client => client.OnDisconnected(error));
            DeadStack.Clear();
        }

        private static void OnServerDisconnect(IntPtr user, IntPtr handle, IntPtr error)
        {
            Run(user, handle, client => client.OnServerDisconnect(error));
            DeadStack.Clear();
        }

        private static void OnPublished(IntPtr user, IntPtr handle, ulong id, IntPtr error, int reason)
        {
            IClientEvents client = null;
            RunningHandles.Current = handle;
            try
            {
                client = ClientLink.Client(user, out _);
                client?.OnPublished(id, error, reason);
            }
            catch (Exception exception)
            {
                Report(client, exception);
            }
            DeadStack.Clear();
        }

        private static void OnSubscribed(IntPtr user, IntPtr handle, ulong id, IntPtr error, IntPtr results)
        {
            Run(user, handle, client => client.OnSubscribed(id, error, results));
            DeadStack.Clear();
        }

        private static void OnUnsubscribed(IntPtr user, IntPtr handle, ulong id, IntPtr error, IntPtr results)
        {
            Run(user, handle, client => client.OnUnsubscribed(id, error, results));
            DeadStack.Clear();
        }

        private static void OnPacket(IntPtr user, IntPtr handle, IntPtr packet)
        {
            Run(user, handle, client => client.OnPacket(packet));
            DeadStack.Clear();
        }
    }
}
