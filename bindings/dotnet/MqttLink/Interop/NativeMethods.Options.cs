using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    // The functions that set a client up. include/mqttlink.h is their manual.
    internal static partial class NativeMethods
    {
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_new(byte[] url, out OptionsHandle options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_new_for(
            byte[] host, ushort port, out OptionsHandle options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_options_free(IntPtr options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_version(OptionsHandle options, int version);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_client_id(OptionsHandle options, byte[] id);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_credentials(
            OptionsHandle options, byte[] userName, byte[] password);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_options_set_password(
            OptionsHandle options, byte* password, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_clean_start(
            OptionsHandle options, [MarshalAs(UnmanagedType.U1)] bool clean);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_session_expiry(OptionsHandle options, uint expiryS);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_keep_alive(
            OptionsHandle options, ushort keepAliveS);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_ping_timeout(OptionsHandle options, uint timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_options_set_will(
            OptionsHandle options, byte[] topic, byte* payload, UIntPtr len, int qos,
            [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr properties);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_receive_maximum(
            OptionsHandle options, ushort maximum);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_maximum_packet_size(
            OptionsHandle options, uint bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_topic_alias_maximum(
            OptionsHandle options, ushort maximum);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_topic_aliases(OptionsHandle options, ushort count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_request_response_information(
            OptionsHandle options, [MarshalAs(UnmanagedType.U1)] bool wanted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_request_problem_information(
            OptionsHandle options, [MarshalAs(UnmanagedType.U1)] bool wanted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_add_user_property(
            OptionsHandle options, byte[] name, byte[] value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_connect_timeout(
            OptionsHandle options, uint timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_response_timeout(
            OptionsHandle options, uint timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_publish_timeout(
            OptionsHandle options, uint timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_drain_timeout(
            OptionsHandle options, uint timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_window(OptionsHandle options, ushort messages);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_out_buffer_max(
            OptionsHandle options, UIntPtr bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_in_flight_bytes_max(
            OptionsHandle options, UIntPtr bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_queue_max(
            OptionsHandle options, UIntPtr messages, UIntPtr bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_stream_above(OptionsHandle options, UIntPtr bytes);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_acknowledge(OptionsHandle options, int mode);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_message(
            OptionsHandle options, MessageFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_filter(
            OptionsHandle options, byte[] filter, MessageFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_connected(
            OptionsHandle options, ConnectedFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_connect_failed(
            OptionsHandle options, ErrorFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_disconnected(
            OptionsHandle options, ErrorFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_server_disconnect(
            OptionsHandle options, ErrorFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_published(
            OptionsHandle options, PublishedFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_subscribed(
            OptionsHandle options, ResultsFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_unsubscribed(
            OptionsHandle options, ResultsFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_on_packet(
            OptionsHandle options, PacketFunction callback, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_no_delay(
            OptionsHandle options, [MarshalAs(UnmanagedType.U1)] bool noDelay);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_tcp_keep_alive(OptionsHandle options, uint idleS);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_socket_buffers(
            OptionsHandle options, UIntPtr receive, UIntPtr send);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_bind_address(OptionsHandle options, byte[] local);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_resolver(
            OptionsHandle options, ResolverFunction resolver, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_addresses_add(IntPtr addresses, byte[] found, ushort port);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern TlsHandle mqttlink_tls_new();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void mqttlink_tls_free(IntPtr tls);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_tls(OptionsHandle options, TlsHandle tls);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_add_ca_file(TlsHandle tls, byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_tls_add_ca(TlsHandle tls, byte* data, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_system_roots(
            TlsHandle tls, [MarshalAs(UnmanagedType.U1)] bool trusted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_certificate_file(TlsHandle tls, byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_tls_set_certificate(
            TlsHandle tls, byte* data, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_key_file(TlsHandle tls, byte[] path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_tls_set_key(TlsHandle tls, byte* data, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_key_password(TlsHandle tls, byte[] password);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_pkcs12_file(
            TlsHandle tls, byte[] path, byte[] password);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_tls_set_pkcs12(
            TlsHandle tls, byte* data, UIntPtr len, byte[] password);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_add_alpn(TlsHandle tls, byte[] protocol);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_server_name(TlsHandle tls, byte[] name);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_min_version(TlsHandle tls, int version);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_max_version(TlsHandle tls, int version);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_sni(
            TlsHandle tls, [MarshalAs(UnmanagedType.U1)] bool sent);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_danger_accept_invalid_certificates(
            TlsHandle tls, [MarshalAs(UnmanagedType.U1)] bool accepted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_danger_accept_invalid_host_names(
            TlsHandle tls, [MarshalAs(UnmanagedType.U1)] bool accepted);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_tls_set_verifier(
            TlsHandle tls, VerifyFunction verify, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_authenticator(
            OptionsHandle options, byte[] method, AuthStartFunction start, AuthRespondFunction respond,
            AuthFinishFunction finish, IntPtr user, FreeFunction freeUser);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static unsafe extern MqttStatus mqttlink_reply_set(IntPtr reply, byte* data, UIntPtr len);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern MqttStatus mqttlink_options_set_transport(
            OptionsHandle options, OpenFunction open, ReadFunction read, WriteFunction write, CloseFunction close,
            FreeFunction freeStream, IntPtr user, FreeFunction freeUser);
    }
}
