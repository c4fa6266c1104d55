using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    // The functions of a client, its subscriptions and deliveries. include/mqttlink.h is their manual.
    internal static partial class NativeMethods
    {
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_new(OptionsHandle options, out ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_reconfigure(ClientHandle client, OptionsHandle options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_client_free(IntPtr client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttClientState mqttlink_client_state(ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_client_is_connected(ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_granted(ClientHandle client, out GrantedHandle granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_last_error(ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_statistics(
            ClientHandle client, out NativeStatistics statistics, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_interrupt(ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_abort(ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_connect(ClientHandle client, out GrantedHandle granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_reconnect(
            ClientHandle client, out GrantedHandle granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_re_authenticate(ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_disconnect(ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_disconnect_with(
            ClientHandle client, long drainMs, int reason, IntPtr properties, out DrainedHandle drained);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_client_publish(
            ClientHandle client, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, out DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_client_publish(
            ClientHandle client, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, IntPtr delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_client_publish_timeout(
            ClientHandle client, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, long timeoutMs,
            out DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_client_try_publish(
            ClientHandle client, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, out DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_client_publish_then(
            ClientHandle client, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, PublishedFunction callback, IntPtr user,
            FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_client_publish_then_timeout(
            ClientHandle client, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, long timeoutMs,
            PublishedFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_client_publish_event(
            ClientHandle client, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, out ulong id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_client_publish_event_timeout(
            ClientHandle client, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, long timeoutMs, out ulong id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_publish_source(
            ClientHandle client, byte[] topic, UIntPtr len, int qos, [MarshalAs(UnmanagedType.U1)] bool retain,
            IntPtr properties, SourceFunction source, IntPtr user, out DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_delivery_wait(DeliveryHandle delivery, long timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        [return: MarshalAs(UnmanagedType.U1)]
        internal static extern bool mqttlink_delivery_is_done(DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int mqttlink_delivery_reason(DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_delivery_reason_string(DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr mqttlink_delivery_properties(DeliveryHandle delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_delivery_free(IntPtr delivery);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern SubscriptionHandle mqttlink_subscription_new();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_subscription_free(IntPtr subscription);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_subscription_add(
            SubscriptionHandle subscription, byte[] filter, int qos);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_subscription_add_with(
            SubscriptionHandle subscription, byte[] filter, int qos, [MarshalAs(UnmanagedType.U1)] bool noLocal,
            [MarshalAs(UnmanagedType.U1)] bool retainAsPublished, int retainHandling);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_subscription_set_handler(
            SubscriptionHandle subscription, MessageFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_subscription_set_properties(
            SubscriptionHandle subscription, IntPtr properties);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_subscribe(
            ClientHandle client, SubscriptionHandle subscription, out ResultsHandle results);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_subscribe_one(
            ClientHandle client, byte[] filter, int qos, out int granted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_subscribe_event(
            ClientHandle client, SubscriptionHandle subscription, out ulong id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_unsubscribe(
            ClientHandle client, IntPtr[] filters, UIntPtr count, IntPtr properties, out ResultsHandle results);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_unsubscribe_event(
            ClientHandle client, IntPtr[] filters, UIntPtr count, IntPtr properties, out ulong id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_receive(
            ClientHandle client, long timeoutMs, out MessageHandle message);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_payload_new(
            IntPtr data, UIntPtr len, FreeFunction release, IntPtr user, out PayloadHandle payload);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_payload_free(IntPtr payload);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_client_publish_payload(
            ClientHandle client, byte[] topic, PayloadHandle payload, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties, long timeoutMs,
            out DeliveryHandle delivery);
    }
}
