//! The client's side of an authentication exchange.

/// Why an authenticator gives up.
pub type AuthError = Box<dyn std::error::Error + Send + Sync>;

/// Answers the server's challenges (MQTT 5.0, section 4.12): SCRAM, Kerberos, or a scheme of one's
/// own.
///
/// Its methods are called on the thread that calls [`Client::connect`](super::Client::connect) or
/// [`Client::re_authenticate`](super::Client::re_authenticate), with no lock held; they may take
/// their time, within the call's deadline. An error ends the connection.
pub trait Authenticator: Send {
    /// The name of the method, such as `SCRAM-SHA-256`. It is asked for once.
    fn method(&self) -> &str;

    /// A new exchange begins: the data of CONNECT, or of the AUTH that begins a re-authentication.
    ///
    /// # Errors
    /// Whatever makes it impossible.
    fn start(&mut self) -> Result<Option<Vec<u8>>, AuthError>;

    /// The server has sent a challenge: the data of the answer.
    ///
    /// # Errors
    /// The challenge cannot be answered.
    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, AuthError>;

    /// The server is satisfied, and has sent this with its last packet. A method that authenticates
    /// the server too verifies it here.
    ///
    /// # Errors
    /// The server is not who it should be.
    fn finish(&mut self, data: Option<&[u8]>) -> Result<(), AuthError> {
        let _ = data;
        Ok(())
    }
}
