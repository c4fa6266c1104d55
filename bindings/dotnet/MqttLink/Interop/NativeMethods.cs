using System;

namespace MqttLink.Interop
{
    /// <summary>
    /// The C library, function by function. include/mqttlink.h is its manual; a test compares names, arguments,
    /// numbers and structs with it.
    /// </summary>
    internal static partial class NativeMethods
    {
        internal const string Library = "mqttlink";

        // Not a field initializer: it must have run before the first call into the library.
        static NativeMethods()
        {
            NativeLibraryFinder.Install();
        }

        internal static UIntPtr Size(int length)
        {
            return (UIntPtr)(uint)length;
        }
    }
}
