using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// An MQTT broker inside the process, for unit tests and for devices that talk to each other. Every method may be
    /// called on every thread; which ones may be called inside a hook, the hook says. Starting and stopping take
    /// about a millisecond. Dispose it: hooks that refer to it keep it alive.
    /// </summary>
    public sealed partial class MqttBroker : IDisposable
    {
        private static readonly PeerFunction EachClient = OnEachClient;

        private readonly BrokerHandle handle;

        /// <summary>
        /// Starts a broker for tests, on a free port of 127.0.0.1: see <see cref="MqttBrokerOptions.ForTest"/>.
        /// </summary>
        public MqttBroker() : this(MqttBrokerOptions.ForTest())
        {
        }

        /// <summary>
        /// Starts a broker. Host names are looked up, addresses listened on and certificates read; it does not wait for
        /// anything else.
        /// </summary>
        /// <exception cref="MqttException">
        /// An address cannot be listened on (<see cref="MqttStatus.ListenFailed"/>), or a file cannot be used.
        /// </exception>
        /// <exception cref="ArgumentException">
        /// An address could be reached from other machines although nobody asks who connects.
        /// </exception>
        public MqttBroker(MqttBrokerOptions options)
        {
            var settings = (options ?? throw new ArgumentNullException(nameof(options))).Handle;
            lock (settings)
            {
                options.Hooks.Register(settings);
                MqttException.Check(NativeMethods.mqttlink_broker_start(settings, out handle));
            }
            handle.Own(default(GCHandle));
        }

        /// <summary>The port of the first address on which the broker listens; 0 if there is none.</summary>
        public int Port => NativeMethods.mqttlink_broker_port(handle);

        /// <summary>The URL of the first address, without TLS: "mqtt://127.0.0.1:40123".</summary>
        public string Url => "mqtt://" + Addresses[0];

        /// <summary>
        /// The addresses, with the ports that the system chose: "127.0.0.1:40123", in the order of
        /// <see cref="MqttBrokerOptions.Listen"/>; a broker for tests has its own first.
        /// </summary>
        public IReadOnlyList<string> Addresses
        {
            get
            {
                var addresses = new string[(int)NativeMethods.mqttlink_broker_address_count(handle)];
                for (var index = 0; index < addresses.Length; index++)
                {
                    var address = NativeMethods.mqttlink_broker_address(handle, NativeMethods.Size(index));
                    addresses[index] = Text.FromNative(address);
                }
                return addresses;
            }
        }

        /// <summary>The clients that are connected now.</summary>
        public IReadOnlyList<MqttPeer> Clients
        {
            get
            {
                var peers = new List<MqttPeer>();
                var user = GCHandle.Alloc(peers);
                try
                {
                    MqttException.Check(NativeMethods.mqttlink_broker_each_client(
                        handle, EachClient, GCHandle.ToIntPtr(user)));
                    return peers;
                }
                finally
                {
                    user.Free();
                }
            }
        }

        /// <summary>
        /// Options for clients that reach this broker without a socket. Once it has stopped, they cannot connect.
        /// </summary>
        public MqttClientOptions InProcess()
        {
            return new MqttClientOptions(handle);
        }

        /// <summary>
        /// Publishes a message in the program's own name. No hook is asked about it. Waits only while 65,536 such
        /// messages wait to be routed.
        /// </summary>
        public unsafe void Publish(MqttPublication message)
        {
            using (var native = new Outgoing(message))
            {
                fixed (byte* data = native.Array)
                {
                    MqttException.Check(NativeMethods.mqttlink_broker_publish(
                        handle, native.Topic, data + native.Offset, native.Length, native.QoS, native.Retain,
                        native.Properties));
                }
            }
        }

        /// <summary>
        /// Subscribes the program itself to a filter. No hook is asked about it. At most 65,536 messages wait; further
        /// ones are dropped and counted. The retained messages that match wait for room. None comes behind a newer
        /// message of its topic; where that one finds no room, it is dropped with it.
        /// </summary>
        /// <param name="filter">A topic filter.</param>
        /// <param name="handler">
        /// Takes the messages on a thread of its own; null leaves them to
        /// <see cref="MqttBrokerSubscription.TryReceive"/>. What it throws is ignored.
        /// </param>
        public MqttBrokerSubscription Subscribe(string filter, Action<MqttMessage> handler = null)
        {
            return MqttBrokerSubscription.Start(handle, filter, handler);
        }

        /// <summary>Ends the connection of a client, in MQTT 5.0 with this reason.</summary>
        /// <returns>Whether it was connected.</returns>
        public bool Disconnect(string clientId, MqttReason reason = MqttReason.AdministrativeAction)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_disconnect(
                handle, Text.Required(clientId, nameof(clientId)), (int)reason, out var found));
            return found;
        }

        /// <summary>What the broker has counted and what it holds.</summary>
        public MqttBrokerStatistics GetStatistics()
        {
            return MqttBrokerStatistics.Of(handle);
        }

        /// <summary>
        /// Waits until a client with this identifier is connected. Only in a broker for tests.
        /// </summary>
        /// <exception cref="MqttException">It did not come in time; the text shows the last packets.</exception>
        public void WaitForClient(string clientId, TimeSpan timeout)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_wait_for_client(
                handle, Text.Required(clientId, nameof(clientId)), Limits.Milliseconds(timeout, nameof(timeout))));
        }

        /// <summary>Waits until no client with this identifier is connected. Only in a broker for tests.</summary>
        /// <exception cref="MqttException">It did not go in time; the text shows the last packets.</exception>
        public void WaitForClientToGo(string clientId, TimeSpan timeout)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_wait_for_client_to_go(
                handle, Text.Required(clientId, nameof(clientId)), Limits.Milliseconds(timeout, nameof(timeout))));
        }

        /// <summary>Waits until a client is subscribed to exactly this filter. Only in a broker for tests.</summary>
        /// <exception cref="MqttException">It did not in time; the text shows the last packets.</exception>
        public void WaitForSubscription(string clientId, string filter, TimeSpan timeout)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_wait_for_subscription(
                handle, Text.Required(clientId, nameof(clientId)), Text.Required(filter, nameof(filter)),
                Limits.Milliseconds(timeout, nameof(timeout))));
        }

        /// <summary>
        /// Moves the time of a broker with <see cref="MqttBrokerOptions.WithVirtualTime"/> on; every timer that falls
        /// into it fires at its moment, in order.
        /// </summary>
        public void Advance(TimeSpan time)
        {
            if (time < TimeSpan.Zero)
            {
                throw new ArgumentOutOfRangeException(nameof(time), time, "time goes forward only");
            }
            MqttException.Check(NativeMethods.mqttlink_broker_advance(handle, (ulong)time.TotalMilliseconds));
        }

        /// <summary>
        /// Makes something go wrong on the connections of a client, from its next CONNECT on; "*" stands for every
        /// client. Several faults add up. Only in a broker for tests.
        /// </summary>
        /// <param name="clientId">Which client.</param>
        /// <param name="fault">What.</param>
        /// <param name="number">What the fault says it is.</param>
        public void BreakConnection(string clientId, MqttConnectionFault fault, ulong number = 0)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_break_connection(
                handle, Text.Required(clientId, nameof(clientId)), (int)fault, number));
        }

        /// <summary>
        /// Makes something go wrong with messages whose topic matches a filter. Only in a broker for tests.
        /// </summary>
        public void BreakMessages(string filter, MqttMessageFault fault, ulong number = 0)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_break_messages(
                handle, Text.Required(filter, nameof(filter)), (int)fault, number));
        }

        /// <summary>
        /// Takes back all faults. Connections that have one keep it. Only in a broker for tests.
        /// </summary>
        public void Repair()
        {
            MqttException.Check(NativeMethods.mqttlink_broker_repair(handle));
        }

        /// <summary>
        /// The last 10,000 packets of all connections, oldest first. Only in a broker for tests.
        /// </summary>
        public IReadOnlyList<MqttRecordedPacket> GetTranscript()
        {
            MqttException.Check(NativeMethods.mqttlink_broker_transcript(handle, out var transcript));
            using (transcript)
            {
                return MqttRecordedPacket.All(transcript);
            }
        }

        /// <summary>
        /// Stops the broker: its addresses are free, clients are told and disconnected, wills are not published.
        /// Clients that do not take what is left for them, and hooks, are given so long. What needs a broker that runs
        /// then fails with <see cref="MqttStatus.BrokerStopped"/>.
        /// </summary>
        public void Stop(TimeSpan timeout)
        {
            MqttException.Check(NativeMethods.mqttlink_broker_stop(
                handle, Limits.Milliseconds(timeout, nameof(timeout))));
        }

        /// <summary>
        /// Stops the broker, within about a second, and frees it, on any thread, also inside its own hooks. When it
        /// returns, no hook runs any more; inside a hook, that one is the last.
        /// </summary>
        public void Dispose()
        {
            handle.Free();
            handle.Dispose();
        }

        private static void OnEachClient(IntPtr user, IntPtr broker, IntPtr peer)
        {
            try
            {
                ((List<MqttPeer>)GCHandle.FromIntPtr(user).Target).Add(MqttPeer.From(peer));
            }
            catch
            {
                // Nothing may get out; only the memory can run out here.
            }
        }
    }
}
