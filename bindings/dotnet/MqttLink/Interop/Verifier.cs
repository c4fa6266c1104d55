using System;
using System.Security.Cryptography.X509Certificates;

namespace MqttLink.Interop
{
    /// <summary>Has a program's function decide about the certificates of servers.</summary>
    internal static class Verifier
    {
        internal static readonly VerifyFunction Function = OnVerify;

        private static int OnVerify(IntPtr user, IntPtr host, IntPtr certificate, UIntPtr length)
        {
            try
            {
                if (RunningHandles.Exiting)
                {
                    return 1;
                }
                using (var shown = new X509Certificate2(Text.Bytes(certificate, length)))
                {
                    var verifier = BrokerHooks.Target<Func<string, X509Certificate2, bool>>(user);
                    return verifier(Text.FromNative(host), shown) ? 0 : 1;
                }
            }
            catch
            {
                // Whatever has gone wrong, the certificate was not accepted.
                return 1;
            }
        }
    }
}
