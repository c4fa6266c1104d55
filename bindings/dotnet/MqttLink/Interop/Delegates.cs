using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    // The types of functions that the library calls, as in include/mqttlink.h.

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void FreeFunction(IntPtr user);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void MessageFunction(IntPtr user, IntPtr client, IntPtr message);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void ConnectedFunction(IntPtr user, IntPtr client, IntPtr granted);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void ErrorFunction(IntPtr user, IntPtr client, IntPtr error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void PublishedFunction(IntPtr user, IntPtr client, ulong id, IntPtr error, int reason);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void ResultsFunction(IntPtr user, IntPtr client, ulong id, IntPtr error, IntPtr results);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void PacketFunction(IntPtr user, IntPtr client, IntPtr packet);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int ResolverFunction(IntPtr user, IntPtr host, ushort port, IntPtr addresses);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int VerifyFunction(IntPtr user, IntPtr host, IntPtr certificate, UIntPtr len);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int AuthStartFunction(IntPtr user, IntPtr reply);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int AuthRespondFunction(IntPtr user, IntPtr challenge, UIntPtr len, IntPtr reply);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int AuthFinishFunction(IntPtr user, IntPtr data, UIntPtr len);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int OpenFunction(IntPtr user, IntPtr host, ushort port, long timeoutMs, out IntPtr stream);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate long ReadFunction(IntPtr stream, IntPtr data, UIntPtr size);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate long WriteFunction(IntPtr stream, IntPtr data, UIntPtr size);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void CloseFunction(IntPtr stream);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate long SourceFunction(IntPtr user, IntPtr data, UIntPtr size);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void LogFunction(IntPtr user, int level, IntPtr text);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int AuthenticateFunction(IntPtr user, IntPtr broker, IntPtr peer, IntPtr reply);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    [return: MarshalAs(UnmanagedType.U1)]
    internal delegate bool AuthorizeFunction(
        IntPtr user, IntPtr broker, IntPtr peer, int action, IntPtr topic, int qos,
        [MarshalAs(UnmanagedType.U1)] bool retain, IntPtr message);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int InterceptFunction(
        IntPtr user, IntPtr broker, IntPtr peer, IntPtr message, IntPtr draft);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int ExchangeBeginFunction(
        IntPtr user, IntPtr broker, IntPtr peer, out IntPtr exchange);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int ExchangeStepFunction(IntPtr exchange, IntPtr data, UIntPtr len, IntPtr reply);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void BrokerEventFunction(IntPtr user, IntPtr broker, IntPtr brokerEvent);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void PeerFunction(IntPtr user, IntPtr broker, IntPtr peer);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void BrokerMessageFunction(IntPtr user, IntPtr broker, IntPtr message);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void SessionFunction(IntPtr user, IntPtr broker, IntPtr session);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void SubscribedFunction(
        IntPtr user, IntPtr broker, IntPtr filter, int qos, [MarshalAs(UnmanagedType.U1)] bool noLocal,
        [MarshalAs(UnmanagedType.U1)] bool retainAsPublished, int retainHandling);
}
