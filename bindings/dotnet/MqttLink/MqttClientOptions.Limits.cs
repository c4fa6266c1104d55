using System;
using System.Collections.Generic;
using System.Net;
using System.Runtime.InteropServices;
using MqttLink.Interop;

namespace MqttLink
{
    public sealed partial class MqttClientOptions
    {
        /// <summary>
        /// How long <see cref="MqttClient.Connect"/> may take in all: name, socket, TLS and CONNACK. Default: 30 s.
        /// </summary>
        public MqttClientOptions WithConnectTimeout(TimeSpan timeout)
        {
            return After(NativeMethods.mqttlink_options_set_connect_timeout(
                Handle, Limits.Setting(timeout, nameof(timeout))));
        }

        /// <summary>
        /// How long calls wait for the server's answer: subscribe, unsubscribe, re-authenticate and
        /// <see cref="MqttDelivery.Wait()"/>. Default: 30 s.
        /// </summary>
        public MqttClientOptions WithResponseTimeout(TimeSpan timeout)
        {
            return After(NativeMethods.mqttlink_options_set_response_timeout(
                Handle, Limits.Setting(timeout, nameof(timeout))));
        }

        /// <summary>How long a publish waits for room. Default: 30 s.</summary>
        public MqttClientOptions WithPublishTimeout(TimeSpan timeout)
        {
            return After(NativeMethods.mqttlink_options_set_publish_timeout(
                Handle, Limits.Setting(timeout, nameof(timeout))));
        }

        /// <summary>
        /// How long <see cref="MqttClient.Disconnect()"/> waits until everything is sent and acknowledged.
        /// Default: 5 s.
        /// </summary>
        public MqttClientOptions WithDrainTimeout(TimeSpan timeout)
        {
            return After(NativeMethods.mqttlink_options_set_drain_timeout(
                Handle, Limits.Setting(timeout, nameof(timeout))));
        }

        /// <summary>
        /// How many messages of QoS 1 and 2 this client sends without waiting for an acknowledgement, 1 to 65,535,
        /// if the server allows that many. Default: in MQTT 5.0 the server's receive maximum; before it 100, of
        /// which 20 may have QoS 2.
        /// </summary>
        public MqttClientOptions WithWindow(int messages)
        {
            return After(NativeMethods.mqttlink_options_set_window(
                Handle, Limits.Short(messages, nameof(messages))));
        }

        /// <summary>
        /// How many bytes may wait to be written before a publish waits. One message may exceed it. Default: 1 MiB.
        /// </summary>
        public MqttClientOptions WithOutBufferMaximum(long bytes)
        {
            return After(NativeMethods.mqttlink_options_set_out_buffer_max(
                Handle, Limits.Bytes(bytes, nameof(bytes))));
        }

        /// <summary>
        /// How many bytes of messages in flight are kept before a publish waits. One message may exceed it.
        /// Default: 64 MiB.
        /// </summary>
        public MqttClientOptions WithInFlightBytesMaximum(long bytes)
        {
            return After(NativeMethods.mqttlink_options_set_in_flight_bytes_max(
                Handle, Limits.Bytes(bytes, nameof(bytes))));
        }

        /// <summary>
        /// How many received messages, and how many bytes of them, wait to be taken before the client stops
        /// reading, so that the server has to wait. Default: 65,536 and 4 MiB.
        /// </summary>
        public MqttClientOptions WithQueueMaximum(long messages, long bytes)
        {
            return After(NativeMethods.mqttlink_options_set_queue_max(
                Handle, Limits.Bytes(messages, nameof(messages)), Limits.Bytes(bytes, nameof(bytes))));
        }

        /// <summary>
        /// Payloads longer than this many bytes are not held in memory but read with
        /// <see cref="MqttMessage.OpenPayload"/>. Default: never.
        /// </summary>
        public MqttClientOptions WithStreamAbove(long bytes)
        {
            return After(NativeMethods.mqttlink_options_set_stream_above(
                Handle, Limits.Bytes(bytes, nameof(bytes))));
        }

        /// <summary>
        /// When messages of QoS 1 and 2 are acknowledged. Default: <see cref="MqttAcknowledge.WhenHandled"/>.
        /// </summary>
        public MqttClientOptions WithAcknowledge(MqttAcknowledge mode)
        {
            After(NativeMethods.mqttlink_options_set_acknowledge(Handle, (int)mode));
            Acknowledge = mode;
            return this;
        }

        /// <summary>
        /// Messages that no subscription's own handler takes wait for <see cref="MqttClient.Receive()"/>, instead
        /// of going to <see cref="MqttClient.MessageReceived"/>, which is never raised then.
        /// </summary>
        public MqttClientOptions WithReceive()
        {
            Pulls = true;
            return this;
        }

        /// <summary>Has <see cref="MqttClient.PacketTraced"/> raised for every packet. Default: not.</summary>
        public MqttClientOptions WithPacketTrace()
        {
            Traces = true;
            return this;
        }

        /// <summary>Whether small packets are sent at once (TCP_NODELAY). Default: true.</summary>
        public MqttClientOptions WithNoDelay(bool noDelay)
        {
            return After(NativeMethods.mqttlink_options_set_no_delay(Handle, noDelay));
        }

        /// <summary>
        /// After how long a silence the system probes the peer (SO_KEEPALIVE), rounded up to seconds; zero is
        /// never. Default: never, since MQTT has a keep alive of its own.
        /// </summary>
        public MqttClientOptions WithTcpKeepAlive(TimeSpan idle)
        {
            return After(NativeMethods.mqttlink_options_set_tcp_keep_alive(
                Handle, Limits.Seconds(idle, nameof(idle))));
        }

        /// <summary>The socket's buffers in bytes; 0, the default, leaves one to the system.</summary>
        public MqttClientOptions WithSocketBuffers(long receive, long send)
        {
            return After(NativeMethods.mqttlink_options_set_socket_buffers(
                Handle, Limits.Bytes(receive, nameof(receive)), Limits.Bytes(send, nameof(send))));
        }

        /// <summary>
        /// The local address to connect from. Server addresses of the other family are not tried. Default: the
        /// system's choice.
        /// </summary>
        public MqttClientOptions WithBindAddress(IPAddress address)
        {
            var text = (address ?? throw new ArgumentNullException(nameof(address))).ToString();
            return After(NativeMethods.mqttlink_options_set_bind_address(Handle, Text.ToNative(text, "address")));
        }

        /// <summary>
        /// Looks host names up in another way than the operating system's. The function is called on a thread of
        /// its own for every connection, with host and port; what it throws fails the connection.
        /// </summary>
        public MqttClientOptions WithResolver(Func<string, int, IEnumerable<IPEndPoint>> resolver)
        {
            var user = GCHandle.Alloc(resolver ?? throw new ArgumentNullException(nameof(resolver)));
            // The handle is freed by the library, also if this fails.
            return After(NativeMethods.mqttlink_options_set_resolver(
                Handle, Resolver.Function, GCHandle.ToIntPtr(user), Resolver.Free));
        }
    }
}
