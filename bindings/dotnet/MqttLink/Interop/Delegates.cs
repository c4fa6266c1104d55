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
}
