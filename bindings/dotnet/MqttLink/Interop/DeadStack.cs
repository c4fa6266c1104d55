using System;
using System.Runtime.CompilerServices;

namespace MqttLink.Interop
{
    /// <summary>
    /// Mono looks for references on a thread's whole stack, also in what returned calls have left there. On a thread of
    /// the library, which then waits for hours, that would keep a client alive that nobody has any more.
    /// </summary>
    internal static class DeadStack
    {
        private static readonly bool Matters = Type.GetType("Mono.Runtime") != null;

        /// <summary>Overwrites what calls that have returned may have left on this thread's stack.</summary>
        internal static void Clear()
        {
            if (Matters)
            {
                Overwrite();
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static unsafe void Overwrite()
        {
            const int words = 1024;
            var space = stackalloc long[words];
            for (var word = 0; word < words; word++)
            {
                space[word] = 0;
            }
        }
    }
}
