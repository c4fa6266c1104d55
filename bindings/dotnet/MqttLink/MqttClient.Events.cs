using System;
using System.Collections.Concurrent;
using System.Threading;
using MqttLink.Interop;

namespace MqttLink
{
    public sealed partial class MqttClient
    {
        private readonly HandlerList<MqttMessage> messageReceived = new HandlerList<MqttMessage>();
        private readonly HandlerList<MqttPublishedEventArgs> publishedHandlers =
            new HandlerList<MqttPublishedEventArgs>();
        private readonly HandlerList<MqttAnsweredEventArgs> subscribedHandlers =
            new HandlerList<MqttAnsweredEventArgs>();
        private readonly HandlerList<MqttAnsweredEventArgs> unsubscribedHandlers =
            new HandlerList<MqttAnsweredEventArgs>();
        private readonly HandlerList<MqttConnectionOpenedEventArgs> connectionOpened =
            new HandlerList<MqttConnectionOpenedEventArgs>();
        private readonly HandlerList<MqttConnectionClosedEventArgs> connectFailed =
            new HandlerList<MqttConnectionClosedEventArgs>();
        private readonly HandlerList<MqttConnectionClosedEventArgs> connectionClosed =
            new HandlerList<MqttConnectionClosedEventArgs>();
        private readonly HandlerList<MqttConnectionClosedEventArgs> serverDisconnected =
            new HandlerList<MqttConnectionClosedEventArgs>();
        private readonly HandlerList<MqttPacketEventArgs> packetTraced = new HandlerList<MqttPacketEventArgs>();
        private readonly HandlerList<MqttHandlerErrorEventArgs> handlerError =
            new HandlerList<MqttHandlerErrorEventArgs>();
        private readonly ConcurrentDictionary<long, Subscriber> subscribers =
            new ConcurrentDictionary<long, Subscriber>();
        private readonly PendingAnswers<MqttPublishResult> published;
        private readonly PendingAnswers<MqttResults> subscribed;
        private readonly PendingAnswers<MqttResults> unsubscribed;
        private readonly Events events;
        private long lastSubscription;

        /// <summary>
        /// A message has come that no subscription's own handler takes. Not raised with
        /// <see cref="MqttClientOptions.WithReceive"/>.
        /// </summary>
        public event EventHandler<MqttMessage> MessageReceived
        {
            add => messageReceived.Add(value);
            remove => messageReceived.Remove(value);
        }

        /// <summary>The outcome of a message of <see cref="Post"/> or <c>PublishAsync</c>; once for each.</summary>
        public event EventHandler<MqttPublishedEventArgs> Published
        {
            add => publishedHandlers.Add(value);
            remove => publishedHandlers.Remove(value);
        }

        /// <summary>The answer to a <see cref="PostSubscribe"/> or <c>SubscribeAsync</c>; once for each.</summary>
        public event EventHandler<MqttAnsweredEventArgs> Subscribed
        {
            add => subscribedHandlers.Add(value);
            remove => subscribedHandlers.Remove(value);
        }

        /// <summary>The answer to a <see cref="PostUnsubscribe"/> or <c>UnsubscribeAsync</c>; once for each.</summary>
        public event EventHandler<MqttAnsweredEventArgs> Unsubscribed
        {
            add => unsubscribedHandlers.Add(value);
            remove => unsubscribedHandlers.Remove(value);
        }

        /// <summary>The server has accepted a connection; in order with the messages.</summary>
        public event EventHandler<MqttConnectionOpenedEventArgs> ConnectionOpened
        {
            add => connectionOpened.Add(value);
            remove => connectionOpened.Remove(value);
        }

        /// <summary>No connection came about: the network or the server refused.</summary>
        public event EventHandler<MqttConnectionClosedEventArgs> ConnectFailed
        {
            add => connectFailed.Add(value);
            remove => connectFailed.Remove(value);
        }

        /// <summary>
        /// A connection is gone, and everything that belonged to it; in order with the messages.
        /// <see cref="Connect"/> and <see cref="Reconnect"/> may be called inside.
        /// </summary>
        public event EventHandler<MqttConnectionClosedEventArgs> ConnectionClosed
        {
            add => connectionClosed.Add(value);
            remove => connectionClosed.Remove(value);
        }

        /// <summary>
        /// The server has ended the connection with DISCONNECT, and said why, in MQTT 5.0; just before
        /// <see cref="ConnectionClosed"/>.
        /// </summary>
        public event EventHandler<MqttConnectionClosedEventArgs> ServerDisconnected
        {
            add => serverDisconnected.Add(value);
            remove => serverDisconnected.Remove(value);
        }

        /// <summary>
        /// A packet went over the wire, either way; only with <see cref="MqttClientOptions.WithPacketTrace"/>. If
        /// handlers do not keep up, packets are left out and counted in the statistics.
        /// </summary>
        public event EventHandler<MqttPacketEventArgs> PacketTraced
        {
            add => packetTraced.Add(value);
            remove => packetTraced.Remove(value);
        }

        /// <summary>
        /// A handler has thrown. It runs on the thread that the handler ran on. What a handler of this event throws
        /// is ignored.
        /// </summary>
        public event EventHandler<MqttHandlerErrorEventArgs> HandlerError
        {
            add => handlerError.Add(value);
            remove => handlerError.Remove(value);
        }

        private void Report(Exception exception)
        {
            handlerError.Raise(this, new MqttHandlerErrorEventArgs(exception), ignored => { });
        }

        /// <summary>A number by which a subscription's handler is found, and the handler under it.</summary>
        private long AddHandler(Action<MqttMessage> handler)
        {
            var number = Interlocked.Increment(ref lastSubscription);
            subscribers[number] = new Subscriber(number, handler);
            return number;
        }

        /// <summary>What the library tells the client, on its way to the program.</summary>
        private sealed class Events : IClientEvents
        {
            private readonly MqttClient client;
            private readonly Action<Exception> report;

            // Whose message came last: the next one is probably for the same.
            private volatile Subscriber last = Subscriber.None;

            internal Events(MqttClient client)
            {
                this.client = client;
                report = client.Report;
            }

            public void OnMessage(IntPtr message)
            {
                if (client.messageReceived.IsEmpty && client.acknowledge != MqttAcknowledge.Manually)
                {
                    return;
                }
                var copy = new MqttMessage(message, null, client.acknowledge == MqttAcknowledge.Manually);
                client.messageReceived.Raise(client, copy, report);
                copy.Detach();
            }

            public void OnMessage(long subscription, IntPtr message)
            {
                var subscriber = last;
                if (subscriber.Number != subscription)
                {
                    if (!client.subscribers.TryGetValue(subscription, out subscriber))
                    {
                        return;
                    }
                    last = subscriber;
                }
                var copy = new MqttMessage(message, null, client.acknowledge == MqttAcknowledge.Manually);
                try
                {
                    subscriber.Handler(copy);
                }
                finally
                {
                    copy.Detach();
                }
            }

            public void OnHandlerDropped(long subscription)
            {
                client.subscribers.TryRemove(subscription, out _);
                // The library does not tell this while one of its messages is handled, which would put it back.
                if (last.Number == subscription)
                {
                    last = Subscriber.None;
                }
            }

            public void OnConnected(IntPtr granted)
            {
                var arguments = new MqttConnectionOpenedEventArgs(MqttConnection.From(granted));
                client.connectionOpened.Raise(client, arguments, report);
            }

            public void OnConnectFailed(IntPtr error)
            {
                var arguments = new MqttConnectionClosedEventArgs(MqttException.From(error), false);
                client.connectFailed.Raise(client, arguments, report);
            }

            public void OnDisconnected(IntPtr error)
            {
                var cause = client.BecauseOfTransport(MqttException.From(error));
                var again = cause != null && client.supervisor != null;
                client.connectionClosed.Raise(client, new MqttConnectionClosedEventArgs(cause, again), report);
                if (again)
                {
                    client.supervisor.Start();
                }
            }

            public void OnServerDisconnect(IntPtr error)
            {
                var arguments = new MqttConnectionClosedEventArgs(MqttException.From(error), client.supervisor != null);
                client.serverDisconnected.Raise(client, arguments, report);
            }

            public void OnPublished(ulong id, IntPtr error, int reason)
            {
                var cause = MqttException.From(error);
                var result = new MqttPublishResult(reason, MqttProperties.Empty);
                if (!client.publishedHandlers.IsEmpty)
                {
                    var said = reason < 0 ? (MqttReason?)null : (MqttReason)reason;
                    var arguments = new MqttPublishedEventArgs(id, said, cause);
                    client.publishedHandlers.Raise(client, arguments, report);
                }
                client.published.Complete(id, result, cause);
            }

            public void OnSubscribed(ulong id, IntPtr error, IntPtr results)
            {
                Answered(client.subscribedHandlers, client.subscribed, id, error, results);
            }

            public void OnUnsubscribed(ulong id, IntPtr error, IntPtr results)
            {
                Answered(client.unsubscribedHandlers, client.unsubscribed, id, error, results);
            }

            public void OnPacket(IntPtr packet)
            {
                var bytes = NativeMethods.mqttlink_packet_bytes(packet, out var length);
                var arguments = new MqttPacketEventArgs(
                    NativeMethods.mqttlink_packet_direction(packet), Text.Bytes(bytes, length),
                    Text.FromNative(NativeMethods.mqttlink_packet_text(packet)));
                client.packetTraced.Raise(client, arguments, report);
            }

            public byte[] OnAuthenticationStart()
            {
                return client.StartAuthentication();
            }

            public byte[] OnAuthenticationChallenge(byte[] challenge)
            {
                return client.AnswerChallenge(challenge);
            }

            public void OnAuthenticationFinish(byte[] data)
            {
                client.FinishAuthentication(data);
            }

            public void OnAuthenticationError(Exception exception)
            {
                client.authenticationError = exception;
            }

            public void OnHandlerError(Exception exception)
            {
                client.Report(exception);
            }

            private void Answered(
                HandlerList<MqttAnsweredEventArgs> handlers, PendingAnswers<MqttResults> pending, ulong id,
                IntPtr error, IntPtr results)
            {
                var cause = MqttException.From(error);
                var answer = results == IntPtr.Zero ? null : MqttResults.From(results);
                handlers.Raise(client, new MqttAnsweredEventArgs(id, answer, cause), report);
                pending.Complete(id, answer, cause);
            }
        }

        /// <summary>The handler of one subscription; numbers begin with 1.</summary>
        private sealed class Subscriber
        {
            internal static readonly Subscriber None = new Subscriber(0, null);

            internal readonly long Number;
            internal readonly Action<MqttMessage> Handler;

            internal Subscriber(long number, Action<MqttMessage> handler)
            {
                Number = number;
                Handler = handler;
            }
        }
    }
}
