using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    // The functions of a broker, and of what it gives out. include/mqttlink.h is their manual.
    internal static partial class NativeMethods
    {
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_peer_client_id(IntPtr peer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_peer_user(IntPtr peer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_peer_password(IntPtr peer, out UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int mqttlink_peer_version(IntPtr peer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_peer_address(IntPtr peer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_peer_certificate_subject(IntPtr peer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_peer_certificate_common_name(IntPtr peer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_peer_certificate(IntPtr peer, out UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_peer_properties(IntPtr peer);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_reply_set_user(IntPtr reply, byte[] user);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_draft_set_topic(IntPtr draft, byte[] topic);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_draft_set_payload(
            IntPtr draft, byte* payload, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_draft_set_qos(IntPtr draft, int qos);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_draft_set_retain(
            IntPtr draft, [MarshalAs(UnmanagedType.U1)] bool retain);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_draft_set_properties(IntPtr draft, IntPtr properties);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_start(
            BrokerOptionsHandle options, out BrokerHandle broker);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_broker_free(IntPtr broker);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_stop(BrokerHandle broker, long timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ushort mqttlink_broker_port(BrokerHandle broker);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr mqttlink_broker_address_count(BrokerHandle broker);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_broker_address(BrokerHandle broker, UIntPtr index);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_new_in_process(
            BrokerHandle broker, out OptionsHandle options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_broker_publish(
            BrokerHandle broker, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_each_client(
            BrokerHandle broker, PeerFunction callback, IntPtr user);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_disconnect(
            BrokerHandle broker, byte[] clientId, int reason, [MarshalAs(UnmanagedType.U1)] out bool found);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_statistics(
            BrokerHandle broker, out NativeBrokerCounters counters, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_subscribe(
            BrokerHandle broker, byte[] filter, BrokerMessageFunction callback, IntPtr user, FreeFunction freeUser,
            out BrokerSubscriptionHandle subscription);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_subscription_receive(
            BrokerSubscriptionHandle subscription, long timeoutMs, out MessageHandle message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_broker_subscription_free(IntPtr subscription);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_wait_for_client(
            BrokerHandle broker, byte[] clientId, long timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_wait_for_client_to_go(
            BrokerHandle broker, byte[] clientId, long timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_wait_for_subscription(
            BrokerHandle broker, byte[] clientId, byte[] filter, long timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_advance(BrokerHandle broker, ulong milliseconds);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_break_connection(
            BrokerHandle broker, byte[] clientId, int fault, ulong number);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_break_messages(
            BrokerHandle broker, byte[] filter, int fault, ulong number);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_repair(BrokerHandle broker);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_transcript(
            BrokerHandle broker, out TranscriptHandle transcript);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr mqttlink_transcript_count(TranscriptHandle transcript);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_transcript_at(
            TranscriptHandle transcript, UIntPtr index, out NativeRecorded packet);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_transcript_free(IntPtr transcript);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_each_session(
            BrokerHandle broker, SessionFunction callback, IntPtr user);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_session(
            BrokerHandle broker, byte[] clientId, SessionFunction callback, IntPtr user);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_delete_session(
            BrokerHandle broker, byte[] clientId, [MarshalAs(UnmanagedType.U1)] out bool found);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_broker_each_subscription(
            BrokerHandle broker, byte[] clientId, SubscribedFunction callback, IntPtr user);
    }
}
